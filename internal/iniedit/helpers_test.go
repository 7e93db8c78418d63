package iniedit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func lower(s string) string { return strings.ToLower(s) }

// all reads every key of the file itself.
func all(f *File) map[[2]string]string {
	out := map[[2]string]string{}
	for _, l := range f.lines {
		if l.kind == entry {
			out[[2]string{l.section, l.key}] = f.valueAt(f.find(l.section, l.key))
		}
	}
	return out
}

// same writes a map without one key in a fixed order.
func same(m map[[2]string]string, without [2]string) string {
	var lines []string
	for id, v := range m {
		if id != without {
			lines = append(lines, fmt.Sprintf("%q=%q", id, v))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestConfigparser reads the same files by Python's configparser, which DSS
// uses. It is left out where there is no Python.
func TestConfigparser(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to compare with")
	}
	const script = `
import configparser, sys
p = configparser.RawConfigParser()
with open(sys.argv[1], encoding="utf-8") as f:
    p.read_file(f)
for s in p.sections():
    for k, v in p.items(s):
        print(repr([s, k, v]).replace("'", '"'))
`
	texts := []string{
		"[a]\nx = 1\nY: two words \nz=\n", "[a]\nk = v\n  more\n\n\n    again\n# c\n  end\n\n[b]\n  i = 1\n  j = 2\n",
		"[a]\nk =\n  v\nl = x;y#z\n", "[a]\r\nk = v\r\n\r\n[b]\r\n; c\r\nx:y=z\r\n", "  [a]\n k = 1\n  two\n [b]\nk=2", "[DEFAULT]\nd = 1\n[a]\nk = 2\n",
	}
	for _, text := range texts {
		path := filepath.Join(t.TempDir(), "x.ini")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", script, path).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", text, err, out)
		}
		want := lines(string(out))
		f := parse(t, text)
		var got []string
		for _, s := range f.Sections() {
			if s == defaults {
				continue
			}
			for _, k := range append(f.Keys(s), f.Keys(defaults)...) {
				v, _ := f.Get(s, k)
				got = append(got, fmt.Sprintf("[%q, %q, %q]", s, k, v))
			}
		}
		slices.Sort(got)
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%q is read as\n%s\nand by configparser as\n%s", text, g, w)
		}
	}
}

func lines(s string) []string {
	out := strings.Split(strings.TrimSpace(s), "\n")
	slices.Sort(out)
	return out
}
