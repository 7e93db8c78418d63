// Package service is the aspect of an instance's service: how DSS is stopped,
// protected, and started around a window. It proposes no changes of its own. As
// the Frame it gives each window its first actions (check that nothing runs,
// stop, copy what may break) and its last one (start, wait until ready).
package service

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
)

// The kinds of actions.
const (
	KindStop   plan.Kind = "service.stop"
	KindStart  plan.Kind = "service.start"
	KindBackup plan.Kind = "safety.backup"
)

// What is done about running jobs.
const (
	onRunningFail  = "fail"
	onRunningWait  = "wait"
	onRunningAbort = "abort"
)

const (
	defaultWait  = "30m"
	defaultStop  = "10m"
	defaultStart = "15m"
)

// Provider is the aspect; it holds nothing.
type Provider struct{}

// New returns the aspect.
func New() *Provider { return &Provider{} }

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Frame    = (*Provider)(nil)
)

// Name implements providers.Provider.
func (*Provider) Name() string { return "service" }

// Schema implements providers.Provider.
func (*Provider) Schema() schema.Fragment {
	return schema.Fragment{
		Attributes: []schema.Attribute{{
			Name: "api_key", Type: cty.String, Secret: true, Check: schema.NotEmpty,
			Doc:     "An administrator's API key of the instance. With it dssctl sees what runs before it stops DSS.",
			Example: "var.design_api_key",
		}},
		Blocks: []schema.Block{{
			Type: "service",
			Doc:  "How DSS is stopped and started. Everything has a default: the block is needed only for other values.",
			Example: `service {
  on_running   = "wait"
  wait_timeout = "2h"
}`,
			Attributes: []schema.Attribute{
				{
					Name: "on_running", Type: cty.String, Default: cty.StringVal(onRunningFail), Public: true,
					OneOf: []string{onRunningFail, onRunningWait, onRunningAbort},
					Doc:   "What to do when jobs, scenarios or notebooks run at the moment of a stop: give up, wait for their end, or abort them. Needs `api_key`.",
				},
				{
					Name: "wait_timeout", Type: cty.String, Default: cty.StringVal(defaultWait), Public: true, Check: schema.Duration,
					Doc: "How long to wait for running work to end.",
				},
				{
					Name: "stop_timeout", Type: cty.String, Default: cty.StringVal(defaultStop), Public: true, Check: schema.Duration,
					Doc: "How long a stop may take.",
				},
				{
					Name: "start_timeout", Type: cty.String, Default: cty.StringVal(defaultStart), Public: true, Check: schema.Duration,
					Doc: "How long a start may take until DSS is ready.",
				},
				{
					Name: "force_stop", Type: cty.Bool, Default: cty.False,
					Doc: "End the processes of exactly this data directory (SIGTERM, then SIGKILL) when a stop has not ended within `stop_timeout`.",
				},
				{
					Name: "environment", Type: cty.List(cty.String), Public: true, Check: variableNames,
					Doc:     "Names of further variables of dssctl's environment that DSS inherits when dssctl starts it; `NAME*` stands for all that begin so. DSS always gets those of the account (`HOME`, `PATH`, `LANG`, …) and those for Java, Hadoop, Spark, Kerberos and containers, and never `DSSCTL_…`. What DSS should always have belongs in `bin/env-site.sh`.",
					Example: `["LDAP_*", "MY_LICENSE_SERVER"]`,
				},
				{
					Name: "unit", Type: cty.String, Public: true, Check: unitName,
					Doc:     "The systemd unit that owns the instance, where dssctl finds none by itself or several; it must exist. `none` for the data directory's own scripts.",
					Example: `"dataiku.design.service"`,
				},
			},
		}},
	}
}

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*\*?$`)

func variableNames(v cty.Value) error {
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			return errors.New("must not hold null")
		}
		switch name := e.AsString(); {
		case !variableName.MatchString(name):
			return fmt.Errorf("must hold names of environment variables such as LDAP_URL or LDAP_*, not %q", name)
		case strings.HasPrefix(name, "DSSCTL_"):
			return errors.New("must not hold DSSCTL_…: these are dssctl's own")
		}
	}
	return nil
}

func unitName(v cty.Value) error {
	name := v.AsString()
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "/ \t\r\n\x00") {
		return errors.New(`must be the name of a systemd unit such as "dataiku.service", or "none"`)
	}
	return nil
}

// Propose implements providers.Provider: the service itself never differs. It
// warns of what would stand in the way of a window.
func (*Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	warn := func(summary, detail string) {
		d := &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail}
		if req.Desired != nil && req.Desired.Block != nil {
			d.Subject = req.Desired.Range.Ptr()
		}
		diags = append(diags, d)
	}
	if req.Facts.ServiceNote != "" {
		warn("The state of DSS is not known", req.Facts.ServiceNote)
	}
	if o, ok := req.Observed.(*Observation); ok && o.UnitProblem != "" {
		warn("The boot unit is not clear", o.UnitProblem)
	}
	return providers.Proposal{}, diags
}

// Performers implements providers.Provider.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{KindStop: stopper{}, KindStart: starter{}, KindBackup: protector{}}
}

// DSS runs again in the end, whatever the window was for.
func (stopper) Aside() {}
func (starter) Aside() {}

// args are the arguments of stop and start: both may have to do either.
type args struct {
	OnRunning    string       `json:"on_running"`
	WaitTimeout  string       `json:"wait_timeout"`
	StopTimeout  string       `json:"stop_timeout"`
	StartTimeout string       `json:"start_timeout"`
	ForceStop    bool         `json:"force_stop,omitempty"`
	Unit         string       `json:"unit,omitempty"`
	APIKey       *secret.Text `json:"api_key,omitempty"`
	// Warning is told when DSS runs and is stopped.
	Warning string `json:"warning,omitempty"`
}

// declared returns the arguments that the configuration asks for.
func declared(in *config.Instance) args {
	a := args{OnRunning: onRunningFail, WaitTimeout: defaultWait, StopTimeout: defaultStop, StartTimeout: defaultStart}
	if in == nil || in.Block == nil {
		return a
	}
	if in.Has("api_key") {
		key := in.Text("api_key")
		a.APIKey = &key
	}
	b := in.Child("service")
	if b == nil {
		return a
	}
	for _, s := range []struct {
		name string
		to   *string
	}{
		{"on_running", &a.OnRunning},
		{"wait_timeout", &a.WaitTimeout},
		{"stop_timeout", &a.StopTimeout},
		{"start_timeout", &a.StartTimeout},
		{"unit", &a.Unit},
	} {
		if v := b.String(s.name); v != "" {
			*s.to = v
		}
	}
	a.ForceStop = b.Bool("force_stop")
	return a
}

// DeclaredUnit is the boot unit that the configuration names; "" for none.
func DeclaredUnit(in *config.Instance) string { return declared(in).Unit }

// span reads a duration of the arguments, which a schema has checked; in an
// edited plan it may be anything, and then the default holds.
func span(s, fallback string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		d, _ = time.ParseDuration(fallback) // a constant
	}
	return d
}

func (a *args) wait() time.Duration  { return span(a.WaitTimeout, defaultWait) }
func (a *args) stop() time.Duration  { return span(a.StopTimeout, defaultStop) }
func (a *args) start() time.Duration { return span(a.StartTimeout, defaultStart) }
