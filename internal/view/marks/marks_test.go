package marks

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view/viewtest"
	"github.com/dssctl/dssctl/internal/view/viewtest/runs"
)

var update = flag.Bool("update", false, "write the golden files anew; read them with your own eyes then")

// worlds are the marks that the formats are tried with.
func worlds() map[string][]Mark {
	everything := viewtest.Everything()
	everything.Estate.Files = map[string]string{"main.dss.hcl": "", "auto.dss.hcl": ""}
	p, report, _ := runs.RolledBack()
	p.Instances[0].Changes[0].Range = "main.dss.hcl:15,3-34"
	return map[string][]Mark{
		"everything": Of(everything, nil), "none": Of(&plan.Plan{}, nil), "rolled_back": Of(p, report),
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGolden(t *testing.T) {
	for name, marks := range worlds() {
		var gh, log bytes.Buffer
		if err := GitHub(&gh, marks, "estates/prod"); err != nil {
			t.Fatal(err)
		}
		if err := SARIF(&log, marks, "0.1.0", "estates/prod"); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+name+".github", gh.String())
		golden(t, "testdata/"+name+".sarif", log.String())
	}
}

// nasty tries to begin a command of its own, and to end a property.
const nasty = "x\r\n::error file=/etc/passwd::y%0A,title=z:\x1b[2J\u202e"

func hostile() [][]Mark {
	p, report, _ := runs.Hostile(nasty)
	return [][]Mark{Of(viewtest.Hostile(nasty), nil), Of(p, report)}
}

// The log holds against the schema of the standard, which the library brings.
func TestSARIFFitsTheStandard(t *testing.T) {
	all := hostile()
	for _, marks := range worlds() {
		all = append(all, marks)
	}
	for i, marks := range all {
		var log bytes.Buffer
		if err := SARIF(&log, marks, nasty, "estates/a b"); err != nil {
			t.Fatal(err)
		}
		if err := validate(log.Bytes()); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	for name, edit := range map[string][2]string{
		"no driver":     {`"driver"`, `"driven"`},
		"unknown level": {`"level": "note"`, `"level": "remark"`},
		"line 0":        {`"startLine": 12`, `"startLine": 0`},
	} {
		var log bytes.Buffer
		if err := SARIF(&log, Of(viewtest.Everything(), nil), "0.1.0", ""); err != nil {
			t.Fatal(err)
		}
		bad := strings.Replace(log.String(), edit[0], edit[1], 1)
		if bad == log.String() || validate([]byte(bad)) == nil {
			t.Errorf("%s: taken for valid", name)
		}
	}
}

// validate reads a log with every member known, fills in what the standard says
// absent members stand for (the library takes them for empty), and holds it
// against the standard's schema.
func validate(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(new(sarif.Report)); err != nil {
		return err
	}
	report, err := sarif.FromBytes(raw)
	if err != nil {
		return err
	}
	for _, run := range report.Runs {
		run.Language, run.NewlineSequences = "en-US", []string{"\r\n", "\n"}
		if run.Tool != nil && run.Tool.Driver != nil {
			run.Tool.Driver.Language = "en-US"
		}
	}
	return report.Validate()
}

func TestGitHubCannotBeTalkedInto(t *testing.T) {
	for _, marks := range hostile() {
		var b bytes.Buffer
		if err := GitHub(&b, marks, ""); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			command, rest, ok := strings.Cut(strings.TrimPrefix(line, "::"), "::")
			if !ok || !strings.HasPrefix(line, "::") {
				t.Fatalf("no command: %q", line)
			}
			level, props, _ := strings.Cut(command, " ")
			if level != "error" && level != "warning" && level != "notice" {
				t.Errorf("the command %q", level)
			}
			for _, p := range strings.Split(props, ",") {
				name, value, _ := strings.Cut(p, "=")
				switch name {
				case "file", "line", "endLine", "col", "endColumn", "title":
				default:
					t.Errorf("the property %q", name)
				}
				if name == "file" && strings.Contains(value, "passwd") {
					t.Errorf("a file of its own: %q", line)
				}
			}
			if strings.ContainsAny(rest[:len(rest)-1], "\r\n\x1b") {
				t.Errorf("acts: %q", rest)
			}
		}
	}
}

// GitHub shows ten of a level; the tenth says how many there are more.
func TestGitHubCounts(t *testing.T) {
	var marks []Mark
	for i := range 25 {
		marks = append(marks, Mark{Level: Note, Title: fmt.Sprint(i)})
	}
	for n, want := range map[int]int{9: 9, 10: 10, 11: 10, 25: 10} {
		var b bytes.Buffer
		if err := GitHub(&b, marks[:n], ""); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "::notice"); got != want || strings.Contains(b.String(), "more") != (n > 10) {
			t.Errorf("%d of %d:\n%s", got, n, b.String())
		}
	}
}

// The same finding has the same fingerprint wherever its line is.
func TestFingerprint(t *testing.T) {
	p := viewtest.Everything()
	first := Of(p, nil)
	for i := range p.Instances {
		p.Instances[i].Range = "main.dss.hcl:99,1-2"
	}
	seen := map[string]bool{}
	for i, m := range Of(p, nil) {
		if fingerprint(m) != fingerprint(first[i]) {
			t.Errorf("%s of %s differs", m.Rule, m.Address)
		}
		seen[fingerprint(m)] = true
	}
	if len(seen) < len(first)-1 { // two windows of one instance are one finding
		t.Errorf("%d fingerprints of %d marks", len(seen), len(first))
	}
}

func TestNoSecret(t *testing.T) {
	raw, err := json.Marshal(Of(viewtest.Move(), nil))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte("(secret)")) {
		t.Error("no placeholder")
	}
}
