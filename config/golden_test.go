package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dssctl/dssctl/internal/diagfmt"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDiagnostics reads each estate of testdata/diagnostics and compares all
// that is said about it with the golden text. The comment of an archive holds
// options, one a line: -var, -var-file, env, value, version.
func TestDiagnostics(t *testing.T) {
	names, err := filepath.Glob("testdata/diagnostics/*.txtar")
	if err != nil || len(names) < 30 {
		t.Fatalf("found %d archives: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(src)
			opts := LoadOptions{Schema: testSchema(), Version: "0.3.0"}
			files := fstest.MapFS{}
			var want []byte
			kept := a.Files[:0:0]
			for _, f := range a.Files {
				if f.Name == "want" {
					want = f.Data
					continue
				}
				kept = append(kept, f)
				files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o600}
			}
			opts.FS = files
			readOptions(t, &opts, string(a.Comment))
			estate, diags := Load(opts)
			diags = append(diags, estate.Findings()...)
			var got bytes.Buffer
			if err := diagfmt.Text(&got, diags, estate.Sources, diagfmt.Options{Width: 100}); err != nil {
				t.Fatal(err)
			}
			if *update {
				kept = append(kept, txtar.File{Name: "want", Data: got.Bytes()})
				a.Files = kept
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("want - got +\n%s", diff)
			}
		})
	}
}

func readOptions(t *testing.T, opts *LoadOptions, text string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "-var":
			opts.Vars = append(opts.Vars, value)
		case "-var-file":
			opts.VarFiles = append(opts.VarFiles, value)
		case "env":
			opts.Environ = append(opts.Environ, value)
		case "value":
			name, v, _ := strings.Cut(value, "=")
			opts.Values = map[string]json.RawMessage{name: json.RawMessage(v)}
		case "version":
			opts.Version = value
		case "", "#":
		default:
			t.Fatalf("unknown option %q", line)
		}
	}
}
