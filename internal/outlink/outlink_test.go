package outlink_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/outlink"
)

func TestLook(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, away := filepath.Join(base, "data"), filepath.Join(base, "data2")
	for _, dir := range []string{root + "/in/deep", away + "/config"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(away+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		to, target   string
		mode         fs.FileMode
		out, program bool
		broken       bool
	}{
		"near":     {to: "in"},
		"in/up":    {to: "../in/deep"},
		"absolute": {to: root + "/in"},
		"config":   {to: away + "/config", target: away + "/config", mode: fs.ModeDir, out: true},
		"relative": {to: "../data2/file", target: away + "/file", out: true},
		"by":       {to: "config", target: away + "/config", mode: fs.ModeDir, out: true}, // by another link
		"gone":     {to: away + "/nothing", target: away + "/nothing", out: true, broken: true},
		"lost":     {to: "nothing", out: false},
		"sh":       {to: "/usr/bin/env", out: true, program: true},
		"kit":      {to: away + "/config", target: away + "/config", mode: fs.ModeDir, out: true},
	}
	for name, c := range cases {
		if err := os.Symlink(c.to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range cases {
		l, out, err := outlink.Look(root, name)
		if err != nil || out != c.out {
			t.Errorf("%s: leads out %v, %v", name, out, err)
			continue
		}
		if !out {
			continue
		}
		if c.target != "" && l.Target != c.target || l.Mode != c.mode && !c.program || l.Broken != c.broken || l.Path != name {
			t.Errorf("%s: %+v", name, l)
		}
		if l.Program() != c.program {
			t.Errorf("%s: a program %v", name, l.Program())
		}
		if name == "kit" && !l.Program(away) {
			t.Error("a link into a folder of programs is none to a program")
		}
	}
	if outlink.Inside("/data2", "/data") || !outlink.Inside("/data/x", "/data") || !outlink.Inside("/x", "/") {
		t.Error("inside is told wrongly")
	}
}
