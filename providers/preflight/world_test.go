package preflight

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/nobody"
	"github.com/dssctl/dssctl/providers/dss"
)

// newInstance makes a data directory; where root runs the test it belongs to an
// ordinary account, see as.
func newInstance(t *testing.T) *dss.Instance {
	t.Helper()
	return newInstanceWith(t, "")
}

func newInstanceWith(t *testing.T, companion string) *dss.Instance {
	t.Helper()
	above := nobody.TempDir(t)
	dir := filepath.Join(above, "dss")
	for name, content := range map[string]string{
		"install.ini": "[general]\nnodetype = design\n[server]\nport = 11200\n", "dss-version.json": `{"product_version":"14.4.1"}`,
		"config/general-settings.json": "{}\n", "config/projects/P/params.json": "{}", "databases/jobs.mv.db": "H2",
		"bin/dss": "#!/bin/sh\n", "bin/env-default.sh": "export DKUINSTALLDIR=\"/opt/kit\"\n", "pyenv/bin/python": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	uid := os.Geteuid()
	if uid == 0 {
		uid = nobody.ID
		ownAll(t, above)
	}
	in, err := dss.Open(dir, dss.Options{UID: func() int { return uid }, UnitDirs: []string{}, Companion: companion})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func ownAll(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err == nil {
			nobody.Own(t, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// as looks as the account that the instance belongs to.
func as(t *testing.T, look func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		nobody.Do(t, look)
		return
	}
	look()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// chmod is put right again for the clean-up.
func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.Chmod(path, mode))
	t.Cleanup(func() { _ = os.Chmod(path, info.Mode()) })
}

// expect compares findings with one line of words for each: its severity, and what
// must stand in it, parted by "|".
func expect(t *testing.T, found []Finding, want ...string) {
	t.Helper()
	var lines []string
	for _, f := range found {
		lines = append(lines, fmt.Sprintf("%s: %s", f.Severity, f))
		if f.Remedy == "" || f.What == "" || strings.HasSuffix(f.What, ".") {
			t.Errorf("the finding is not whole: %+v", f)
		}
	}
	if len(found) != len(want) {
		t.Fatalf("found %d, expected %d:\n%s", len(found), len(want), strings.Join(lines, "\n"))
	}
	for i, w := range want {
		for _, word := range strings.Split(w, "|") {
			if !strings.Contains(lines[i], word) {
				t.Errorf("%q is not in %q", word, lines[i])
			}
		}
	}
}
