// Package release is the aspect of DSS's version: the block `release` declares
// it, blocks `integration` what has to be installed again after each change.
//
// An upgrade is DSS's own, KIT/installer.sh -u, with what the documentation asks
// for around it: before the window the kit is verified, unpacked and rehearsed;
// inside, behind the frame's safety backup, external databases are dumped, the
// installer runs and the integrations are replayed; behind it DSS proves that it
// is of the new version, and what takes long is done while DSS runs. What only a
// person can do is an action too: with its exact command, and remembered until
// it is seen done.
//
// A newcomer starts with Propose, which decides, and then reads the performer of
// each step (do_*.go).
package release

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/owners"
)

// Name of the aspect, of its block, and of its record.
const Name = "release"

// Integration is the type of the other block.
const Integration = "integration"

// The kinds of steps, in their order. A window with a step release.* changes the
// version, and the planner puts it first.
const (
	KindUnpack   plan.Kind = "release.unpack"
	KindRehearse plan.Kind = "release.rehearse"
	KindDump     plan.Kind = "release.dump"
	KindInstall  plan.Kind = "release.install"
	KindReplay   plan.Kind = "integration.replay"
	KindProve    plan.Kind = "release.prove"
	KindCodeEnvs plan.Kind = "release.code_envs"
	KindRetrain  plan.Kind = "release.retrain"
	KindReview   plan.Kind = "release.review"
	KindManual   plan.Kind = "integration.manual"
	KindKeep     plan.Kind = "release.keep_kits"
)

// Provider is the aspect.
type Provider struct {
	// users are the estate's data directories by the kit that they are attached
	// to; only known where an instance declares keep_kits.
	users  map[string][]string
	near   neighbours.Prefixes
	places *owners.Estate
}

// New returns the provider.
func New() *Provider { return &Provider{places: owners.Survey(nil)} }

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Surveyor = (*Provider)(nil)
	_ providers.Importer = (*Provider)(nil)
)

// Name is "release".
func (*Provider) Name() string { return Name }

// Performers has the code of every step.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{
		KindUnpack: unpacker{}, KindRehearse: rehearser{}, KindDump: dumper{}, KindInstall: installer{}, KindReplay: replayer{},
		KindProve: prover{}, KindCodeEnvs: rebuilder{}, KindRetrain: retrainer{}, KindReview: reviewer{}, KindManual: manualStep{},
		KindKeep: keeper{},
	}
}

// args are the arguments of every step; each uses what it needs.
type args struct {
	Version string `json:"version"`
	// From is the version that is left, FromKit the folder of its kit.
	From    string `json:"from"`
	FromKit string `json:"from_kit,omitempty"`
	Kit     string `json:"kit"`
	Archive string `json:"archive,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	// JavaHome and Python are what the installer is given; "" for its default.
	JavaHome string `json:"java_home,omitempty"`
	Python   string `json:"python,omitempty"`
	NodeType string `json:"node_type"`
	Port     int    `json:"port"`
	// Scratch rehearses the installer on a scratch folder.
	Scratch bool `json:"scratch,omitempty"`
	// Dump says that the window dumps external databases.
	Dump     bool         `json:"dump,omitempty"`
	Database *secret.Text `json:"database_password,omitempty"`
	// Others are longer table prefixes of other instances in the same schema.
	Others  []string     `json:"other_prefixes,omitempty"`
	APIKey  *secret.Text `json:"api_key,omitempty"`
	Unit    string       `json:"unit,omitempty"`
	Replay  *replay      `json:"replay,omitempty"`
	Manual  *manual      `json:"manual,omitempty"`
	Images  bool         `json:"images,omitempty"`
	Models  []string     `json:"models,omitempty"`
	Rebuild bool         `json:"rebuild,omitempty"`
	Kits    []string     `json:"kits,omitempty"` // to be removed
}

// call is a Call with its decoded arguments.
type call struct {
	*providers.Call
	args
}

func open(c *providers.Call) (*call, error) {
	out := &call{Call: c}
	if err := c.Args(&out.args); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	return out, nil
}

// encode writes plain data.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("release: data that is no JSON: " + err.Error())
	}
	return b
}

// declared returns the instance's block, nil when there is none.
func declared(in *config.Instance) *config.Block {
	if in == nil || in.Block == nil {
		return nil
	}
	return in.Child(Name)
}

func failure(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: subject}
}

func warning(subject *hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	d := failure(subject, summary, detail, args...)
	d.Severity = hcl.DiagWarning
	return d
}
