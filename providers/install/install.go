// Package install holds the aspects of install.ini: port, install_ini, and
// node_type, which is only compared.
//
// port and install_ini edit single lines of the file while DSS is stopped, and
// have DSS's own regenerate-config spread the change; both have the same two
// steps, see edit.go and regenerate.go.
package install

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// The kinds of steps.
const (
	KindEdit       plan.Kind = "install.edit"
	KindRegenerate plan.Kind = "install.regenerate"
)

func performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{KindEdit: edit{}, KindRegenerate: regenerate{}}
}

// line is a declared line of install.ini.
type line struct {
	Section string      `json:"section"`
	Key     string      `json:"key"`
	Value   secret.Text `json:"value"`
}

func (l *line) name() string { return l.Section + "." + l.Key }

// stepArgs are the arguments of both steps.
type stepArgs struct {
	Lines []line `json:"lines,omitempty"`
	// Aspect and Record are what state shall remember when all is done.
	Aspect string          `json:"aspect,omitempty"`
	Record json.RawMessage `json:"record,omitempty"`
	// Govern nodes have another tool.
	Govern bool `json:"govern,omitempty"`
}

// stepsFor are the steps that write the lines.
func stepsFor(req providers.Request, aspect, title string, lines []line, record json.RawMessage) []providers.Step {
	govern := req.Facts.NodeType == "govern"
	edit := providers.Step{Window: providers.Offline, Action: plan.Action{
		Kind: KindEdit, Title: title, Phase: plan.Doing,
		Args: marshal(stepArgs{Lines: lines, Aspect: aspect, Record: record, Govern: govern}),
		Undo: plan.Undo{Possible: true, How: "exact bytes, then " + regenerateCommand(govern)},
		Cost: plan.Cost{Seconds: 0.1},
	}}
	for i := range lines {
		edit.Reads = append(edit.Reads, plan.Fingerprint{
			Probe: dss.InstallINIFile + "#" + lines[i].name(), Subject: lines[i].name() + " in install.ini",
		})
	}
	// Of whichever aspect, it is the same step: a window has it once.
	return []providers.Step{edit, {Window: providers.Offline, Action: plan.Action{
		Kind: KindRegenerate, Title: "have DSS regenerate its configuration (" + regenerateCommand(govern) + ")", Phase: plan.Replay,
		Args: marshal(stepArgs{Govern: govern}),
		Undo: plan.Undo{Possible: true, How: "run again once install.ini is put back"},
		Cost: plan.Cost{Seconds: 5},
	}}}
}

func regenerateCommand(govern bool) string {
	if govern {
		return "bin/govern-admin regenerate-config"
	}
	return "bin/dssadmin regenerate-config"
}

// declared returns the instance's block when it has the attribute, else nil.
func declared(in *config.Instance, attribute string) *config.Block {
	if in == nil || in.Block == nil || !in.Has(attribute) {
		return nil
	}
	return in.Block
}

func failure(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: subject}
}

func warning(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	d := failure(subject, summary, detail, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// marshal writes what the package made itself: that can always be written.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("install: write %T as JSON: %v", v, err))
	}
	return raw
}
