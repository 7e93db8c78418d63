package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/killpoint"
	"github.com/dssctl/dssctl/internal/smallfs"
)

// What fails once the new version runs leaves it running: the failure is
// reported, the run stays open, and going on does what is left and no more.
func TestUpgradeFailsAfterTheStart(t *testing.T) {
	t.Parallel()
	l := newLab(t, 111)
	l.version = oldVersion
	in := l.install("design", dsskit.InstallOptions{})
	key, err := in.APIKey()
	l.ok(err)
	l.env = append(l.env, "DSSCTL_VAR_api_key="+key)
	l.releaseEstate(kitVersion, `
    rehearse                = false
    rebuild_code_envs       = true
    rebuild_code_env_images = true
`, "  api_key = var.api_key\n")
	env := filepath.Join(in.DataDir, "code-envs/desc/python/py39_default")
	// The kit's DSS cannot write what it leaves of an image.
	broken := filepath.Join(env, "image-built-with")
	l.ok(os.Mkdir(broken, 0o755))

	failed := l.run("apply", "-auto-approve").must(t, 4)
	for _, want := range []string{"1 of 1 code environments could not be built", "PYTHON py39_default images", "DSS runs", "dssctl recover"} {
		if !strings.Contains(failed.stdout+failed.stderr, want) {
			t.Errorf("%q is not said: %s", want, failed)
		}
	}
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v: %s", v, l.running("design"), failed)
	}
	// Nothing new is planned over it: what is left to do is pointed at.
	if o := l.run("plan", "-detailed-exitcode"); !strings.Contains(o.stdout+o.stderr, l.lastRun()) {
		t.Errorf("a plan does not speak of the open run: %s", o)
	}
	// Once only, however often it is tried again.
	l.ok(os.Remove(filepath.Join(env, "built-with")))
	if o := l.run("recover", "-resume"); o.code != 4 || !l.running("design") {
		t.Errorf("it is still broken: %s", o)
	}
	l.ok(os.Remove(broken))
	resumed := l.run("recover", "-resume").must(t, 0)
	if raw, err := os.ReadFile(broken); err != nil || strings.TrimSpace(string(raw)) != kitVersion {
		t.Errorf("the image was built by %q, %v: %s", raw, err, resumed)
	}
	if _, err := os.Stat(filepath.Join(env, "built-with")); !os.IsNotExist(err) {
		t.Errorf("what was rebuilt is built again: %v", err)
	}
	commands, err := in.Commands()
	l.ok(err)
	if n := strings.Count(strings.Join(commands, "\n"), "installer.sh -u"); n != 1 {
		t.Errorf("the installer ran %d times: %q", n, commands)
	}
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v: %s", v, l.running("design"), resumed)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
	t.Log(failed, resumed)
	noSecrets(t, l, failed.String()+resumed.String())
}

// noRoomBeside upgrades with a companion folder on a full volume: it is refused
// while DSS runs.
func (l *lab) noRoomBeside() {
	small := smallfs.Hold(l.t)
	if small == "" {
		l.t.Log("no small file system: what there is no room for is not tried")
		return
	}
	companion := filepath.Join(small, "dump")
	l.edit("  release {", "  companion_dir = \""+companion+"\"\n\n  release {")
	// There is none for the safety backup either, which the plan finds.
	o := l.run(apply...).must(l.t, 1)
	if said := unwrapped(o.stderr); !strings.Contains(said, "There is no room for the safety backup") || !strings.Contains(said, companion) || !l.running("design") {
		l.t.Errorf("no room beside the instance: %s", o)
	}
	l.edit("  companion_dir = \""+companion+"\"\n\n", "")
	l.ok(os.RemoveAll(companion))
}

// PostgreSQL goes away while the databases are dumped for the way back: the
// installer never runs, and with PostgreSQL there again DSS is what it was, by
// itself or after `recover`; then the same upgrade works.
func TestUpgradeWhilePostgreSQLGoesAway(t *testing.T) {
	t.Parallel()
	l := newLab(t, 112)
	l.version = oldVersion
	in := l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
	body, more := "    rehearse = false", l.inPostgres()
	l.releaseEstate(oldVersion, body, more)
	l.run(apply...).must(t, 0)
	l.stop("design")
	rows := l.rows("design")
	l.start("design")
	l.releaseEstate(kitVersion, body, more)
	l.noRoomBeside()
	gone := ""
	o := l.traced(func(p place) killpoint.Fate {
		// Its programs are asked their version ahead of it: the last one dumps.
		if gone == "" && p.call == "journal design/5 process pg_dump" && p.nth == 2 {
			gone = p.String()
			l.ok(l.pg.Stop(context.Background()))
		}
		return killpoint.Live
	}, apply...)
	l.ok(l.pg.Start(context.Background()))
	if gone == "" {
		t.Fatalf("nothing was dumped: %s", o)
	}
	rec := l.run("recover").must(t, 0, 6)
	t.Logf("stopped %s: %s\n%s", gone, o, rec)
	// DSS cannot start without PostgreSQL: that is left open, and recover ends it.
	if o.code != 4 || !strings.Contains(o.stdout, "recover") {
		t.Errorf("exit %d", o.code)
	}
	if v := l.versionOf("design"); v != oldVersion || !l.running("design") || !l.external("design") {
		t.Fatalf("DSS is of version %s, running %v: %s\n%s", v, l.running("design"), o, rec)
	}
	commands, err := in.Commands()
	l.ok(err)
	if all := strings.Join(commands, "\n"); strings.Contains(all, kitVersion) {
		t.Errorf("the new kit was let near: %s", all)
	}
	if !strings.Contains(o.stdout+o.stderr, "dump") {
		t.Errorf("that the dump failed is not said: %s", o)
	}
	l.whole(gone)
	l.run(apply...).must(t, 0)
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
	}
	l.stop("design")
	if now := l.rows("design"); now < rows {
		t.Errorf("there were %d rows, and now there are %d", rows, now)
	}
	noSecrets(t, l, o.String()+rec.String())
}
