package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/smallfs"
)

// newKit puts the new kit where dssctl would unpack it, with faults of its own:
// the old kit has none of them.
func (l *lab) newKit(faults dsskit.Faults) {
	l.t.Helper()
	to := filepath.Join(l.kitRoot(), "dataiku-dss-"+kitVersion)
	l.ok(os.RemoveAll(to))
	l.ok(os.MkdirAll(l.kitRoot(), 0o755))
	copyTree(l.t, kit(l.t, kitVersion, l.seed), to)
	l.ok(dsskit.SetKitFaults(to, faults))
}

// inPostgres moves the instance's databases to PostgreSQL by dssctl itself.
const inPostgres = `
  runtime_database "postgresql" {
    host         = %q
    port         = %d
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pg_password
  }
`

func (l *lab) inPostgres() string { return fmt.Sprintf(inPostgres, l.pg.Host, l.pg.Port) }

// upgradeFaults are the kit's switches at each step of an upgrade. The first are
// tried by `make test`, all by `make test-long`.
func upgradeFaults() []dsskit.Faults {
	few := []dsskit.Faults{
		{dsskit.InstallerKill: "config"}, {dsskit.ReplayFail: ""}, {dsskit.StartFatal: ""},
	}
	if !long() {
		return few
	}
	for _, step := range []string{"dependencies", "backup", "environment", "pyenv", "config", "version"} {
		few = append(few, dsskit.Faults{dsskit.InstallerFail: step}, dsskit.Faults{dsskit.InstallerKill: step})
	}
	return append(few, dsskit.Faults{dsskit.StartHang: ""}, dsskit.Faults{dsskit.DiskFull: ""}, dsskit.Faults{dsskit.RequiresAuthentication: "", dsskit.StartFatal: ""})
}

// Whatever fails inside the window: the instance ends on the old version, with
// its old data in the files and in PostgreSQL, and runs. What follows is that
// the same upgrade works once the fault is mended, and can be rolled back.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"embedded", "PostgreSQL"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, int64(93+i))
			l.version = oldVersion
			in := l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
			more := `
  integration "r" {}
`
			body := "    rehearse = false"
			if where != "embedded" {
				more += l.inPostgres()
				// At the version that it has: only the databases move.
				l.releaseEstate(oldVersion, body, more)
				l.run("apply", "-auto-approve").must(t, 0)
			}
			rows := func() int {
				l.stop("design")
				n := l.rows("design")
				l.start("design")
				return n
			}
			had := rows()
			before := configs(t, l.data)
			for _, faults := range upgradeFaults() {
				l.newKit(faults)
				service := ""
				if _, hangs := faults[dsskit.StartHang]; hangs {
					service = "  service {\n    " + l.startTimeout() + "\n  }\n"
				}
				l.releaseEstate(kitVersion, body, more+service)
				o := l.run("apply", "-auto-approve")
				if o.code != 6 {
					t.Fatalf("%v: %s", faults, o)
				}
				if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
					t.Fatalf("%v: DSS is of version %s, running %v: %s", faults, v, l.running("design"), o)
				}
				if diff := cmp.Diff(before, configs(t, l.data)); diff != "" {
					t.Fatalf("%v: not all is as before:\n%s\n%s", faults, diff, o)
				}
				if kit := in.Kit(); !strings.HasSuffix(kit, oldVersion) {
					t.Errorf("%v: it is attached to %s", faults, kit)
				}
				if now := rows(); now < had {
					t.Fatalf("%v: there were %d rows, and now there are %d: %s", faults, had, now, o)
				}
				for _, table := range l.tables() {
					if strings.HasPrefix(table, "dssctl_aside") {
						t.Errorf("%v: %s is left", faults, table)
					}
				}
			}
			l.newKit(nil)
			l.releaseEstate(kitVersion, body, more)
			l.run("apply", "-auto-approve").must(t, 0)
			l.run("plan", "-detailed-exitcode").must(t, 0)
			if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
				t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
			}
			l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
			if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
				t.Fatalf("after the rollback DSS is of version %s, running %v", v, l.running("design"))
			}
			if now := rows(); now < had {
				t.Fatalf("after the rollback there are %d of %d rows", now, had)
			}
		})
	}
}

// Over several majors and with a database move: two windows, the version first.
func TestUpgradeAndMove(t *testing.T) {
	t.Parallel()
	l := newLab(t, 96)
	l.version = "4.3.2"
	l.install("design", dsskit.InstallOptions{})
	l.releaseEstate(kitVersion, "", l.inPostgres())
	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	first, second := strings.Index(o.stdout, "upgrade the data directory"), strings.Index(o.stdout, "copy the runtime databases")
	if first < 0 || second < first || !strings.Contains(o.stdout, "window 2") {
		t.Errorf("want two windows, the version first: %s", o)
	}
	l.run("apply", "-auto-approve").must(t, 0)
	l.run("plan", "-detailed-exitcode").must(t, 0)
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") || !l.external("design") {
		t.Fatalf("DSS is of version %s, running %v, external %v", v, l.running("design"), l.external("design"))
	}
	noSecrets(t, l, o.String())
}

// What is wrong before DSS is stopped is refused with DSS untouched.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t, 97)
	l.version = oldVersion
	in := l.install("design", dsskit.InstallOptions{})
	archive, sum := kitArchive(t, kitVersion, l.seed)
	other, otherSum := kitArchive(t, "14.5.0", l.seed)
	before := configs(t, l.data)
	type refusal struct {
		edit  [][2]string
		code  int
		words []string
		do    func()
	}
	refused := map[string]refusal{
		"downgrade":          {edit: [][2]string{{`version      = "14.4.1"`, `version      = "13.4.0"`}}, code: 1, words: []string{"lower version", "dssctl backup restore"}},
		"wrong checksum":     {edit: [][2]string{{sum, strings.Repeat("0", 64)}}, code: 6, words: []string{"SHA-256", sum}},
		"of another version": {edit: [][2]string{{archive, other}, {sum, otherSum}}, code: 6, words: []string{"dataiku-dss-14.5.0", "another version"}},
		"inside": {
			edit: [][2]string{{l.kitRoot(), filepath.Join(in.DataDir, "kits")}}, code: 1, words: []string{"inside the data directory"},
		},
		"no archive": {edit: [][2]string{{archive, archive + ".gone"}}, code: 1, words: []string{"no such file"}},
		"missing dependencies": {
			code: 6, words: []string{"install-deps.sh", "as root"},
			do: func() { l.newKit(dsskit.Faults{dsskit.MissingDependencies: "acl zip"}) },
		},
	}
	if small := smallfs.Hold(t); small == "" {
		t.Log("no small file system: what there is no room for is not tried")
	} else {
		kits, companion := filepath.Join(small, "kits"), filepath.Join(small, "companion")
		t.Cleanup(func() { l.ok(errors.Join(os.RemoveAll(kits), os.RemoveAll(companion))) })
		refused["no room for the kit"] = refusal{
			edit: [][2]string{{l.kitRoot(), kits}}, code: 6,
			words: []string{"the kit needs ", kits + " has ", " free: free some, or choose another install_root"},
		}
		refused["no room for the safety backup"] = refusal{
			edit: [][2]string{{"  release {", "  companion_dir = \"" + companion + "\"\n\n  release {\n    rehearse = false"}}, code: 1,
			words: []string{"There is no room for the safety backup", companion, " free. Expected: at least ", "set the instance's attribute companion_dir to a folder on a larger volume"},
			do:    func() { l.newKit(nil) },
		}
	}
	for name, c := range refused {
		l.ok(os.RemoveAll(l.kitRoot()))
		l.releaseEstate(kitVersion, "", "")
		for _, e := range c.edit {
			l.edit(e[0], e[1])
		}
		if c.do != nil {
			c.do()
		}
		o := l.run("apply", "-auto-approve").must(t, c.code)
		for _, w := range c.words {
			if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(o.stdout+o.stderr, "│", "")), " "), w) {
				t.Errorf("%s: %q is not said: %s", name, w, o)
			}
		}
		if !l.running("design") || strings.Contains(o.stdout, "stop DSS ...") {
			t.Errorf("%s: DSS was stopped: %s", name, o)
		}
		if diff := cmp.Diff(before, configs(t, l.data)); diff != "" {
			t.Errorf("%s: something has changed:\n%s", name, diff)
		}
	}
	l.ok(os.RemoveAll(l.kitRoot()))
}
