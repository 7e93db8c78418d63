package release

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// An upgrade can be undone while the safety backup, the old kit, its installer and
// its Java are there.
func TestCheckUndoOfAnUpgrade(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	java := filepath.Join(w.base, "java/bin/java")
	w.write("java/bin/java", "", 0o755)
	w.write("data/bin/env-default.sh", w.read("data/bin/env-default.sh")+"export DKUJAVABIN="+java+"\n", 0o644)
	c := w.upgrading("")[KindInstall]
	ctx, check := context.Background(), (installer{}).CheckUndo
	if err := check(ctx, c); err != nil {
		t.Fatalf("before it began: %v", err)
	}
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if err := check(ctx, c); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(w.base, "kits/dataiku-dss-13.5.0")
	for _, f := range []struct {
		name, want string
		does, back func() error
	}{
		{"copy", "no copy", func() error { w.noCopy = &providers.GoneError{What: "no copy"}; return nil }, func() error { w.noCopy = nil; return nil }},
		{"kit", "the kit of DSS 13.5.0 is not in " + old, func() error { return os.Rename(old, old+"-away") }, func() error { return os.Rename(old+"-away", old) }},
		{"installer", "installer.sh", func() error { return os.Chmod(old+"/installer.sh", 0o644) }, func() error { return os.Chmod(old+"/installer.sh", 0o755) }},
		{"java", java, func() error { return os.Rename(java, java+"x") }, func() error { return os.Rename(java+"x", java) }},
	} {
		if err := f.does(); err != nil {
			t.Fatal(err)
		}
		for _, glance := range []bool{true, false} {
			c.Glance = glance
			err := check(ctx, c)
			var gone *providers.GoneError
			if !errors.As(err, &gone) || !strings.Contains(err.Error(), f.want) {
				t.Errorf("%s, at a glance %v: %v", f.name, glance, err)
			}
		}
		if err := f.back(); err != nil {
			t.Fatal(err)
		}
		if err := check(ctx, c); err != nil {
			t.Errorf("%s is back: %v", f.name, err)
		}
	}
}

// A dump that was made before an upgrade must be whole for its undo, at a glance by
// its size.
func TestCheckUndoOfADump(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	c := w.upgrading("")[KindInstall]
	o, err := open(c)
	if err != nil {
		t.Fatal(err)
	}
	r := dumpReceipt{Made: true}
	r.Info.Bytes = 4
	if err := c.Receipt.Save(r); err != nil {
		t.Fatal(err)
	}
	check := func() error { return (dumper{}).CheckUndo(context.Background(), c) }
	c.Glance = true
	if err := check(); err != nil {
		t.Errorf("the installer never ran: %v", err)
	}
	if err := o.markInstalling(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ content, want string }{{"", "is not there any more"}, {"abc", "has 3 bytes, expected 4"}, {"abcd", ""}} {
		if x.content != "" {
			if err := os.WriteFile(o.dumpFile(), []byte(x.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := check()
		var gone *providers.GoneError
		if x.want == "" && err != nil || x.want != "" && (!errors.As(err, &gone) || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("with %q: %v", x.content, err)
		}
	}
}

// neighbour is a stopped data directory that is attached to a kit.
func (w *world) neighbour(name, kit string) string {
	w.t.Helper()
	w.write(name+"/install.ini", "[general]\n", 0o644)
	w.write(name+"/dss-version.json", "{}", 0o644)
	w.write(name+"/bin/dss", "", 0o755)
	w.write(name+"/bin/env-default.sh", "export DKUINSTALLDIR=\""+kit+"\"\n", 0o644)
	return filepath.Join(w.base, name)
}

// unpacked has a run unpack the kit of 14.4.1.
func (w *world) unpacked() (*providers.Call, string) {
	w.t.Helper()
	archive := filepath.Join(w.base, "kit.tar.gz")
	sum := pack(w.t, archive, good("14.4.1"))
	w.declare("release {\n version = \"14.4.1\"\n archive = \"" + archive + "\"\n sha256 = \"" + sum + "\"\n}")
	c := w.calls(w.mustPropose())[0]
	if err := w.do(c); err != nil {
		w.t.Fatal(err)
	}
	return c, filepath.Join(w.base, "kits", "dataiku-dss-14.4.1")
}

// The kit that a run unpacked stays where another instance uses it, running or
// not, by whatever path; where another run's undo needs it; and where it is
// another one.
func TestUndoOfUnpackKeepsWhatIsUsed(t *testing.T) {
	for _, x := range []struct {
		name, want string
		use        func(w *world, c *providers.Call, kit string)
	}{
		{"by a stopped neighbour", "it is used by ", func(w *world, _ *providers.Call, kit string) { w.neighbour("data2", kit) }},
		{"by a link", "it is used by ", func(w *world, _ *providers.Call, kit string) {
			if err := os.Symlink(kit, filepath.Join(w.base, "current")); err != nil {
				w.t.Fatal(err)
			}
			w.neighbour("data2", filepath.Join(w.base, "current"))
		}},
		{"by a known one elsewhere", "it is used by ", func(w *world, c *providers.Call, kit string) {
			dir := w.neighbour("far/away/from/it/all/and/hidden", kit)
			c.DataDirs = func(context.Context) ([]string, error) { return []string{w.data, dir}, nil }
		}},
		{"by an undo", "the upgrade of instance.other by run R is undone with it", func(_ *world, c *providers.Call, kit string) {
			a := plan.Action{Kind: KindInstall, Args: encode(args{From: "14.4.1", FromKit: kit})}
			c.Standing = func(context.Context) ([]providers.StandingRun, error) {
				return []providers.StandingRun{{Run: "R", Address: "instance.other", Actions: []plan.Action{a}}}, nil
			}
		}},
		{"in doubt", "could not be seen: no state", func(_ *world, c *providers.Call, _ string) {
			c.DataDirs = func(context.Context) ([]string, error) { return nil, errors.New("no state") }
		}},
		{"as another folder", "it is another folder than the one that this run made", func(w *world, _ *providers.Call, kit string) {
			if err := os.Rename(kit, kit+"-ours"); err != nil {
				w.t.Fatal(err)
			}
			w.kit("14.4.1", "")
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c, kit := w.unpacked()
			x.use(w, c, kit)
			if err := (unpacker{}).Undo(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			if v, err := kitVersion(kit); err != nil || v != "14.4.1" {
				t.Errorf("the kit is gone: %v", err)
			}
			if said := strings.Join(w.notices, "\n"); !strings.Contains(said, "the kit "+kit+" stays: ") || !strings.Contains(said, x.want) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// Old kits stay where a stopped instance uses one, and where the undo of a run that
// stands needs it.
func TestKeepKitsKeepsWhatIsUsed(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root's files are given to another account here, whose kits stay")
	}
	w := newWorld(t)
	var recorded []kitRecord
	for _, v := range []string{"13.1.0", "13.2.0", "13.3.0", "13.4.0"} {
		recorded = append(recorded, kitRecord{Dir: w.kit(v, ""), Version: v})
	}
	w.recorded, _ = json.Marshal(record{Version: "13.5.0", Kits: recorded})
	w.declare("release {\n version = \"13.5.0\"\n keep_kits = 1\n}")
	w.neighbour("data2", recorded[1].Dir)
	c := w.calls(w.mustPropose())[0]
	c.Standing = func(context.Context) ([]providers.StandingRun, error) {
		a := plan.Action{Kind: KindInstall, Args: encode(args{From: "13.3.0", FromKit: recorded[2].Dir})}
		return []providers.StandingRun{{Run: "R", Address: c.Address, Actions: []plan.Action{a}}}, nil
	}
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	for i, stays := range []bool{false, true, true, true} {
		if exists(recorded[i].Dir) != stays {
			t.Errorf("%s: there %v, want %v", recorded[i].Dir, !stays, stays)
		}
	}
	r, err := readRecord(w.recorded)
	if err != nil || len(r.Kits) != 3 {
		t.Errorf("remembered %v, %v", r.Kits, err)
	}
	if said := strings.Join(w.notices, "\n"); !strings.Contains(said, filepath.Join(w.base, "data2")) || !strings.Contains(said, "by run R is undone with it") {
		t.Errorf("it says %q", said)
	}
}

// What an upgrade keeps stays while its run can be undone.
func TestPruneRunsKeepsWhatIsNeeded(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	c := w.upgrading("")[KindInstall]
	o, err := open(c)
	if err != nil {
		t.Fatal(err)
	}
	runs := []string{"20250101-000000-0000", "20250102-000000-0000", "20250103-000000-0000", "20250104-000000-0000", "20250105-000000-0000"}
	for _, r := range runs {
		if _, err := c.Instance.EnsureCompanion("release", r); err != nil {
			t.Fatal(err)
		}
	}
	c.Standing = func(context.Context) ([]providers.StandingRun, error) {
		return []providers.StandingRun{{Run: runs[0]}}, nil
	}
	if err := o.pruneRuns(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, stays := range []bool{true, false, true, true, true} {
		if exists(filepath.Join(c.Instance.Companion(), "release", runs[i])) != stays {
			t.Errorf("%s: there %v, want %v", runs[i], !stays, stays)
		}
	}
}
