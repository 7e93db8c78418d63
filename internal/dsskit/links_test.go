package dsskit_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// DSS works on folders that are links to another disk, and so does its installer.
func TestLinkedFolders(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	disk := filepath.Join(base, "disk")
	i := install(t, kit(t, "13.5.0"), dsskit.InstallOptions{
		Seed: 22, DataDir: filepath.Join(base, "dss"),
		Links: map[string]string{
			"config": filepath.Join(disk, "config"), "databases": "../disk/databases",
			"managed_datasets": filepath.Join(disk, "datasets"), "install.ini": "config/install.ini",
		},
	})
	start(t, i)
	stop(t, i)
	before := dsskit.Total(rows(t, i.Rows), "")
	installer(t, i, "14.4.1", 0, "-u", "-y")
	start(t, i)
	stop(t, i)
	if after := dsskit.Total(rows(t, i.Rows), ""); after < before || before == 0 {
		t.Errorf("%d rows came to be %d", before, after)
	}
	for name, target := range map[string]string{
		"config": filepath.Join(disk, "config"), "databases": "../disk/databases",
		"managed_datasets": filepath.Join(disk, "datasets"), "install.ini": "config/install.ini",
	} {
		if got, err := os.Readlink(filepath.Join(i.DataDir, name)); err != nil || got != target {
			t.Errorf("%s leads to %q (%v) and not to %q", name, got, err, target)
		}
	}
	found, err := filepath.Glob(filepath.Join(disk, "databases", "*.db"))
	if err != nil || len(found) == 0 {
		t.Errorf("no databases are on the other disk: %v", err)
	}
}
