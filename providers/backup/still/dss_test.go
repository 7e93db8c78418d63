package still

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// TestRunningDSS takes snapshots of a simulated DSS at work, whose runtime
// databases are real H2 files, and opens each of them, as DSS would after a
// restore.
func TestRunningDSS(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a DSS")
	}
	if os.Geteuid() == 0 {
		t.Skip("DSS does not run as root: run the tests with scripts/test")
	}
	o := btrfsDataDir(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	must(os.RemoveAll(filepath.Join(o.DataDir, "config")))
	must(os.Remove(filepath.Join(o.DataDir, "install.ini")))
	_, kit, err := dsskit.Build(ctx, t.TempDir(), dsskit.KitOptions{Version: "14.4.1", Seed: 3})
	must(err)
	port, release, err := dsskit.FreePorts(10)
	must(err)
	t.Cleanup(release)
	dss, err := dsskit.Install(ctx, kit, dsskit.InstallOptions{DataDir: o.DataDir, Port: port, Seed: 3, RowsPerTable: 300})
	must(err)
	t.Cleanup(func() { must(dss.Close()) })
	stopped, err := dss.Rows(ctx)
	must(err)
	before := dsskit.Total(stopped, "")
	least := before
	must(dss.Start(ctx))
	b := newBtrfs(o)
	var views []string
	for n := range 3 {
		waitForWrites(t, o.DataDir)
		view, err := b.Create(ctx, fmt.Sprint("s", n))
		must(err)
		views = append(views, view)
	}
	must(dss.Stop(ctx))
	for n, view := range views {
		// What is opened is written to.
		restored := filepath.Join(filepath.Dir(o.DataDir), fmt.Sprint("restored", n))
		command(t, "cp", "-a", "--reflink=auto", view, restored)
		old, err := dsskit.Open(restored)
		must(err)
		rows, err := old.Rows(ctx)
		if err != nil {
			t.Errorf("snapshot %d of a running DSS cannot be opened: %v", n, err)
			continue
		}
		if found := dsskit.Total(rows, ""); found < least {
			t.Errorf("snapshot %d has %d rows, expected %d or more", n, found, least)
		} else {
			least = found
		}
	}
	if least <= before {
		t.Errorf("the last snapshot has %d rows like the DSS that was not started yet: it was not at work", least)
	}
}

// waitForWrites returns when DSS has written to its databases.
func waitForWrites(t *testing.T, dataDir string) {
	t.Helper()
	newest := func() (newest time.Time) {
		files, err := filepath.Glob(filepath.Join(dataDir, "databases", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
		return newest
	}
	began := newest()
	for range 6000 {
		if newest().After(began) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("DSS writes nothing")
}
