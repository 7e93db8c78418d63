package runtimedb

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

var update = flag.Bool("update", false, "write the golden files anew")

var testKey = secret.Key("a key of the tests, not random …")

// estate loads HCL through the real loader. Every sensitive value is a variable.
func estate(t *testing.T, source string) *config.Estate {
	t.Helper()
	e, diags := tryEstate(source)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

func tryEstate(source string) (*config.Estate, hcl.Diagnostics) {
	return config.Load(config.LoadOptions{
		Schema: config.InstanceSchema(New().Schema()),
		FS:     fstest.MapFS{"main.dss.hcl": {Data: []byte(source)}},
	})
}

const variables = `
variable "pw" {
  type      = string
  sensitive = true
  default   = "hunter2-planted-secret"
}
variable "secret_user" {
  type      = string
  sensitive = true
  default   = "planted-user"
}
variable "secret_properties" {
  type      = map(string)
  sensitive = true
  default   = { sslmode = "require", applicationTag = "planted-property" }
}
`

// one loads an estate of one instance with the block.
func one(t *testing.T, block string) *config.Estate {
	t.Helper()
	return estate(t, variables+"instance \"design\" {\n  data_dir = \"/data/design\"\n"+block+"\n}\n")
}

func parseLive(t *testing.T, internal string) live {
	t.Helper()
	text := "{}"
	if internal != "" {
		text = `{"a": 1, "internalDatabase": ` + internal + `}`
	}
	doc, err := jsonedit.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, err := dss.ReadRuntimeDatabase(doc)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// render writes a proposal as text.
func render(p providers.Proposal, diags hcl.Diagnostics) string {
	var b strings.Builder
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s", c.Op, c.Path)
		switch {
		case c.Secret:
			b.WriteString(" (secret)")
		case c.Before != nil || c.After != nil:
			fmt.Fprintf(&b, " %s → %s", c.Before, c.After)
		}
		if c.Note != "" {
			fmt.Fprintf(&b, "  [%s]", c.Note)
		}
		b.WriteString("\n")
	}
	for _, s := range p.Steps {
		window := "online"
		if s.Window == providers.Offline {
			window = "offline"
		}
		fmt.Fprintf(&b, "* %s: %s\n    %s, %s, trial %t, danger %q, undo %t %q, cost %v, block %s\n", s.Kind, s.Title, window, s.Phase, s.Trial, s.Danger, s.Undo.Possible, s.Undo.How, s.Cost, s.Block)
		var args any
		_ = json.Unmarshal(s.Args, &args)
		text, _ := json.Marshal(args)
		fmt.Fprintf(&b, "    %s\n", text)
		for _, r := range s.Reads {
			fmt.Fprintf(&b, "    reads %s\n", r.Probe)
		}
	}
	if p.Record != nil {
		fmt.Fprintf(&b, "record %s\n", p.Record)
	}
	if p.Forget {
		b.WriteString("forget\n")
	}
	for _, d := range diags {
		severity := "warning"
		if d.Severity == hcl.DiagError {
			severity = "error"
		}
		fmt.Fprintf(&b, "%s at %s: %s\n    %s\n", severity, d.Subject, d.Summary, d.Detail)
	}
	return b.String()
}

func golden(t *testing.T, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(t.Name(), "/", "-")+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got), go test -update writes the file anew:\n%s", diff)
	}
}
