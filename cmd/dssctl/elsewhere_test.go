package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A data directory that is a link, re-pointed to a copy with the same settings while
// the plan waits: the copy is not what was looked at.
func TestDataDirectoryRepointed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := standIn(t, filepath.Join(dir, "one")), standIn(t, filepath.Join(dir, "two"))
	data := filepath.Join(dir, "current")
	lead := func(to string) {
		t.Helper()
		_ = os.Remove(data)
		if err := os.Symlink(to, data); err != nil {
			t.Fatal(err)
		}
	}
	lead(one)
	estate := filepath.Join(dir, "estate")
	write(t, estate, "main.dss.hcl", standInEstate(data, ""))
	dssctl(t, estate, nil, "plan", "-out", "saved.plan").must(t, 0)
	lead(two)
	if o := dssctl(t, estate, nil, "apply", "saved.plan").must(t, 5); !strings.Contains(o.stderr, "leads to "+two) {
		t.Errorf("it is not said where it leads: %s", o)
	}
	lead(one)
	dssctl(t, estate, nil, "apply", "saved.plan").must(t, 0)
	lead(two)
	dssctl(t, estate, nil, "plan", "-detailed-exitcode").must(t, 2)
}
