package planner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// seen is an observation that already says what is to be proposed.
type seen struct {
	providers.Proposal
	diags hcl.Diagnostics
	head  string
}

func (s seen) Headline() string { return s.head }

// aspect is a provider that proposes what its observation says.
type aspect struct {
	name     string
	fragment schema.Fragment
}

func (a aspect) Name() string            { return a.name }
func (a aspect) Schema() schema.Fragment { return a.fragment }
func (a aspect) Observe(context.Context, providers.ObserveRequest) (providers.Observation, error) {
	panic("the planner does not observe")
}

func (a aspect) Performers() map[plan.Kind]providers.Performer { panic("the planner does not perform") }

func (a aspect) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	s, ok := req.Observed.(seen)
	if !ok {
		return providers.Proposal{}, nil
	}
	return s.Proposal, s.diags
}

// checked is an aspect with a rule between instances.
type checked struct {
	aspect
	check func([]providers.Request) hcl.Diagnostics
}

func (c checked) CheckEstate(all []providers.Request) hcl.Diagnostics { return c.check(all) }

func attribute(name string) schema.Fragment {
	return schema.Fragment{Attributes: []schema.Attribute{{Name: name}}}
}

func block(name string) schema.Fragment {
	return schema.Fragment{Blocks: []schema.Block{{Type: name}}}
}

// aspects in the order of a plan.
func aspects() []providers.Provider {
	return []providers.Provider{
		aspect{"runtime_database", block("runtime_database")},
		aspect{"release", block("release")},
		aspect{"install", schema.Fragment{Attributes: []schema.Attribute{{Name: "port"}, {Name: "install_ini"}}}},
		aspect{"general_settings", attribute("general_settings")},
	}
}

// frame stops and starts DSS as the service would.
type frame struct{}

func (frame) Open(req providers.Request, kinds []plan.Kind) []plan.Action {
	out := []plan.Action{act("service.check", plan.Stop, "check that nothing runs", 0)}
	if req.Facts.Service == dss.ServiceRunning {
		stop := act("service.stop", plan.Stop, "stop DSS", 20)
		stop.Danger = plan.Downtime
		out = append(out, stop)
	}
	for _, k := range kinds {
		if strings.HasPrefix(string(k), "release.") {
			return append(out, act("service.protect", plan.Protect, "safety backup of the data directory", 60))
		}
	}
	return append(out, act("service.protect", plan.Protect, "safety backup of config", 2))
}

func (frame) Close(req providers.Request, proof bool) []plan.Action {
	if req.Facts.Service == dss.ServiceStopped && !proof {
		return nil
	}
	return []plan.Action{act("service.start", plan.Start, "start DSS, wait until ready", 60)}
}

func (frame) First(providers.Request) []plan.Action {
	return []plan.Action{act("service.start", plan.Start, "start DSS for the first time", 60)}
}

func act(kind plan.Kind, phase plan.Phase, title string, seconds float64) plan.Action {
	return plan.Action{Kind: kind, Phase: phase, Title: title, Cost: plan.Cost{Seconds: seconds}, Undo: plan.Undo{Possible: true, How: "undone"}}
}

func online(kind plan.Kind, phase plan.Phase, title string) providers.Step {
	return providers.Step{Action: act(kind, phase, title, 1), Window: providers.Online}
}

func offline(kind plan.Kind, phase plan.Phase, title string) providers.Step {
	return providers.Step{Action: act(kind, phase, title, 1), Window: providers.Offline}
}

func trial(kind plan.Kind, phase plan.Phase, title string) providers.Step {
	s := offline(kind, phase, title)
	s.Trial = true
	return s
}

func change(block, path string, op plan.Op, before, after string) plan.Change {
	c := plan.Change{Block: block, Path: path, Op: op}
	if before != "" {
		c.Before = json.RawMessage(before)
	}
	if after != "" {
		c.After = json.RawMessage(after)
	}
	return c
}

// settings changes one setting.
func settings() seen {
	set := offline("settings.set", plan.Doing, "set maxRunningActivities in general-settings.json")
	set.Args = json.RawMessage(`{"patch":{"maxRunningActivities":20}}`)
	set.Reads = []plan.Fingerprint{{Probe: "config/general-settings.json#/maxRunningActivities", Subject: "maxRunningActivities"}}
	return seen{Proposal: providers.Proposal{
		Changes: []plan.Change{change("general_settings", "maxRunningActivities", plan.Update, "5", "20")},
		Steps:   []providers.Step{set, online("settings.verify", plan.Proof, "verify: DSS has the setting")},
		Record:  json.RawMessage(`{"keys":["maxRunningActivities"]}`),
	}}
}

// port changes install.ini. The provider has two attributes.
func port() seen {
	return seen{Proposal: providers.Proposal{
		Changes: []plan.Change{change("port", "", plan.Update, "11200", "11300")},
		Steps: []providers.Step{
			offline("install.set", plan.Doing, "set port in install.ini"),
			offline("install.regenerate", plan.Replay, "regenerate the configuration"),
		},
	}}
}

// databaseMove moves the runtime databases of the instance to PostgreSQL.
func databaseMove(address string) seen {
	set := trial("runtimedb.set", plan.Doing, "set internalDatabase in general-settings.json")
	set.Args = json.RawMessage(fmt.Sprintf(`{"host":"pg.internal","password":{"secret":%q}}`, address+".runtime_database.password"))
	set.Reads = []plan.Fingerprint{{Probe: "config/general-settings.json#/internalDatabase", Subject: "internalDatabase"}}
	cp := offline("runtimedb.copy", plan.Doing, "copy the runtime databases")
	cp.Cost = plan.Cost{Seconds: 150, Bytes: 1 << 30}
	cp.Reads = set.Reads
	password := change("runtime_database", "password", plan.Create, "", "")
	password.Secret = true
	return seen{head: "embedded databases (1.0 GiB)", Proposal: providers.Proposal{
		Changes: []plan.Change{
			change("runtime_database", "type", plan.Update, `"embedded"`, `"postgresql"`),
			change("runtime_database", "host", plan.Create, "", `"pg.internal"`),
			password,
		},
		Steps: []providers.Step{
			online("runtimedb.rehearse", plan.Prepare, "rehearse: role, privileges, prefix"),
			set, cp,
			offline("runtimedb.count", plan.Proof, "verify: tables, rows present"),
			online("runtimedb.used", plan.Proof, "verify: DSS uses the runtime databases"),
		},
	}}
}

// versionChange upgrades the instance.
func versionChange() seen {
	install := trial("release.install", plan.Doing, "run installer.sh -u of 14.4.1")
	install.Danger = plan.Irreversible
	install.Undo = plan.Undo{How: "the installer has no way back"}
	return seen{Proposal: providers.Proposal{
		Changes: []plan.Change{change("release", "version", plan.Update, `"14.2.1"`, `"14.4.1"`)},
		Steps: []providers.Step{
			online("release.unpack", plan.Prepare, "unpack the kit"),
			install,
			offline("release.replay", plan.Replay, "replay the R integration"),
			online("release.version", plan.Proof, "verify: DSS says 14.4.1"),
			online("release.codeenvs", plan.Doing, "rebuild the code environments"),
			online("release.oldkits", plan.Clean, "remove kits older than 14.2.1"),
		},
	}}
}

func facts(service dss.Service) dss.Facts {
	return dss.Facts{Version: "14.2.1", NodeType: "design", Port: 11200, Service: service}
}

var now = time.Date(2026, 3, 1, 13, 30, 0, 0, time.FixedZone("CET", 3600))

// world is an estate with what was observed.
type world struct {
	planner.Input
}

func newWorld() *world {
	return &world{planner.Input{
		Version: "0.1.0", Now: now,
		Estate: &config.Estate{
			Files:   map[string]string{"main.dss.hcl": "5ca1ab1e"},
			Secrets: secret.Values{},
		},
		Meta:      state.Meta{Lineage: "1c3f", Key: secret.Key("a key of the tests, nothing else")},
		Recorded:  map[string]state.Instance{},
		Providers: aspects(),
		Frame:     frame{},
	}}
}

// add declares and observes an instance.
func (w *world) add(name, key string, f dss.Facts, observations map[string]providers.Observation) *planner.Observed {
	in := &config.Instance{Name: name, Key: key, Address: "instance." + name, DataDir: "/data/" + name + key}
	if key != "" {
		in.Address += fmt.Sprintf("[%q]", key)
	}
	in.Block = &config.Block{
		Address: in.Address, Type: "instance", Labels: []string{name},
		Range: hcl.Range{Filename: "main.dss.hcl", Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: 18}},
	}
	w.Estate.Instances = append(w.Estate.Instances, in)
	w.Estate.Secrets[in.Address+".runtime_database.password"] = "p4ssw0rd-" + name + key
	w.Observed = append(w.Observed, planner.Observed{
		Instance: in, Facts: f, Observations: observations,
		Read: func(probe string) (string, bool, error) {
			return `"` + probe + `"`, !strings.HasSuffix(probe, "internalDatabase"), nil
		},
	})
	return &w.Observed[len(w.Observed)-1]
}

type obs = map[string]providers.Observation

// only is a selection: instances, and blocks as "instance.x.block".
type only map[string]bool

func (o only) Includes(instance string) bool {
	for a := range o {
		if a == instance || strings.HasPrefix(a, instance+".") {
			return true
		}
	}
	return false
}

func (o only) IncludesBlock(instance, block string) bool {
	return o[instance] || o[instance+"."+block]
}
