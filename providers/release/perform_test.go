package release

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/smallfs"
	"github.com/dssctl/dssctl/providers"
)

// upgrading declares 14.4.1, whose kit is there, and returns the calls by kind.
func (w *world) upgrading(more string) map[plan.Kind]*providers.Call {
	w.t.Helper()
	w.declare("release {\n version = \"14.4.1\"\n rehearse = false\n}\n" + more)
	out := map[plan.Kind]*providers.Call{}
	for _, c := range w.calls(w.mustPropose()) {
		out[c.Action.Kind] = c
	}
	return out
}

func TestInstall(t *testing.T) {
	w := newWorld(t)
	kit := w.kit("14.4.1", "")
	w.declare("release {\n version = \"14.4.1\"\n java_home = \"/opt/java\"\n python = \"/opt/py\"\n}")
	var c *providers.Call
	for _, x := range w.calls(w.mustPropose()) {
		if x.Action.Kind == KindInstall {
			c = x
		}
	}
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if got, want := w.read("kits/ran"), "dataiku-dss-14.4.1 -d "+w.data+" -u -y -P /opt/py\njava /opt/java\n"; got != want {
		t.Errorf("ran:\n%swant:\n%s", got, want)
	}
	if done, err := w.performer(c).Done(context.Background(), c); err != nil || !done {
		t.Errorf("done: %v, %v", done, err)
	}
	lost, err := (installer{}).Loses(context.Background(), c)
	if err != nil || !strings.Contains(lost, "14.4.1") {
		t.Errorf("loses %q, %v", lost, err)
	}
	if err := (installer{}).Undo(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(strings.TrimSpace(w.read("kits/ran")), "dataiku-dss-13.5.0 -d "+w.data+" -u -y -P /opt/py") {
		t.Errorf("the old kit was not attached: %s", w.read("kits/ran"))
	}
	if exists(filepath.Join(w.data, "_pre_migration_backup_1")) {
		t.Error("what the upgrade kept for itself stays")
	}
	if said := strings.Join(w.notices, "\n"); !strings.Contains(said, "removed _pre_migration_backup_1 from the data directory") {
		t.Errorf("its removal is not said: %q", said)
	}
	if f, err := c.Instance.Identity(); err != nil || f.Version != "13.5.0" || f.InstallDir == kit {
		t.Errorf("%+v, %v", f, err)
	}
}

// An installer that fails before it changes anything is undone without the old
// kit's installer; one that was broken off runs again on what was there before.
func TestInstallBrokenOff(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.write("kits/dataiku-dss-14.4.1/installer.sh", "#!/bin/sh\necho 'run: sudo -i kit/install-deps.sh' >&2\nexit 3\n", 0o755)
	c := w.upgrading("")[KindInstall]
	if err := w.do(c); err == nil || !strings.Contains(err.Error(), "hint: run this as root, then plan again: run: sudo -i kit/install-deps.sh") {
		t.Fatalf("got %v", err)
	}
	if err := (installer{}).Undo(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if w.read("kits/ran") != "" {
		t.Errorf("an installer ran: %s", w.read("kits/ran"))
	}
	w.kit("14.4.1", "")
	w.putBack = 0
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if w.putBack != 1 || len(w.notices) != 1 {
		t.Errorf("put back %d times, notices %q", w.putBack, w.notices)
	}
}

func TestUnpack(t *testing.T) {
	w := newWorld(t)
	archive := filepath.Join(w.base, "kit.tar.gz")
	sum := pack(t, archive, good("14.4.1"))
	w.declare("release {\n version = \"14.4.1\"\n archive = \"" + archive + "\"\n sha256 = \"" + sum + "\"\n}")
	c := w.calls(w.mustPropose())[0]
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	kit := filepath.Join(w.base, "kits", "dataiku-dss-14.4.1")
	if v, err := kitVersion(kit); err != nil || v != "14.4.1" {
		t.Errorf("%q, %v", v, err)
	}
	if !strings.Contains(string(w.recorded), sum) {
		t.Errorf("record %s", w.recorded)
	}
	if err := (unpacker{}).Undo(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(w.base, "kits"))
	if err != nil || len(left) != 1 || w.recorded != nil {
		t.Errorf("left: %v, %v, record %s", left, err, w.recorded)
	}
	// A folder in its place is nobody's to remove.
	w.write("kits/dataiku-dss-14.4.1/mine", "", 0o644)
	if err := w.do(c); err == nil || !strings.Contains(err.Error(), "no unpacked kit") {
		t.Errorf("got %v", err)
	}
}

// There is room for the archive and none for what is in it.
func TestUnpackWithoutRoom(t *testing.T) {
	small := smallfs.Hold(t)
	if small == "" {
		t.Skip("no small file system: scripts/test makes one when root starts it")
	}
	w := newWorld(t)
	archive, root := filepath.Join(w.base, "kit.tar.gz"), filepath.Join(small, "kits-of-release")
	sum := pack(t, archive, good("14.4.1"))
	w.declare("release {\n version = \"14.4.1\"\n archive = \"" + archive + "\"\n sha256 = \"" + sum + "\"\n install_root = \"" + root + "\"\n}")
	err := w.do(w.calls(w.mustPropose())[0])
	said := regexp.MustCompile(`^the kit needs 6\d(\.\d)? MiB and ` + regexp.QuoteMeta(root) + ` has [0-9.]+ [KM]iB free: free some, or choose another install_root$`)
	if err == nil || !said.MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
	if exists(root) {
		t.Error("the folder for kits was made for nothing")
	}
}

// The dump before an upgrade has to fit beside the instance.
func TestDumpWithoutRoom(t *testing.T) {
	w := newWorld(t)
	in := w.instance()
	c := &call{Call: &providers.Call{Run: "20261130-000000-aaaa", Instance: in}}
	if err := c.roomForDump(0); err != nil {
		t.Error(err)
	}
	if err := c.roomForDump(1 << 60); err == nil || !strings.Contains(err.Error(), "companion_dir") || !strings.Contains(err.Error(), in.Companion()+" has ") {
		t.Errorf("got %v", err)
	}
}

func TestReplays(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.write("data/R.lib/x", "", 0o644)
	w.write("data/bin/env-hadoop.sh", "", 0o644)
	w.write("data/install.ini", w.read("data/install.ini")+"\n[mus]\nexec_wrapper_location = /x/wrapper\n", 0o644)
	// sudo of the test: it says what it was asked, and does it.
	bin := filepath.Join(w.base, "path")
	w.write("path/sudo", "#!/bin/sh\necho \"sudo $*\" >> "+filepath.Join(w.base, "sudo")+"\nshift\nexec \"$@\"\n", 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	w.recorded = []byte(`{"integrations":{"hadoop":{"version":"13.5.0","args":["install-hadoop-integration","-standaloneArchive","/old"]}}}`)
	w.declare("privilege = \"sudo\"\nintegration \"hadoop\" {\n archive = \"/new\"\n}\nintegration \"monitoring\" {\n server = \"g:1\"\n prefix = \"p\"\n}\n" +
		"integration \"impersonation\" {\n user = \"dss\"\n}\nrelease {\n version = \"14.4.1\"\n rehearse = false\n}")
	calls := w.calls(w.mustPropose())
	var install *providers.Call
	for _, c := range calls {
		switch c.Action.Kind {
		case KindInstall:
			install = c
			if err := w.do(c); err != nil {
				t.Fatal(err)
			}
		case KindReplay:
			if err := w.do(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := w.read("data/ran"), "install-R-integration\ninstall-hadoop-integration -standaloneArchive /new\n"+
		"install-monitoring-integration -graphiteServer g:1 -prefix p\ninstall-impersonation dss\n"; got != want {
		t.Errorf("ran:\n%swant:\n%s", got, want)
	}
	if got, want := w.read("sudo"), "sudo -n "+w.data+"/bin/dssadmin install-impersonation dss\n"; got != want {
		t.Errorf("as root: %q, want %q", got, want)
	}
	r, err := readRecord(w.recorded)
	if err != nil || r.Integrations["hadoop"].Version != "14.4.1" || len(r.Integrations) != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	// Back: as it was installed before, and what was not there is not installed.
	w.write("data/ran", "", 0o644)
	if err := (installer{}).Undo(context.Background(), install); err != nil {
		t.Fatal(err)
	}
	if got, want := w.read("data/ran"), "install-hadoop-integration -standaloneArchive /old\ninstall-impersonation dss\ninstall-R-integration\n"; got != want {
		t.Errorf("ran:\n%swant:\n%s", got, want)
	}
}

// One that cannot be installed again does not keep DSS down.
func TestReplayBackFails(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.write("data/R.lib/x", "", 0o644)
	calls := w.upgrading("")
	for _, kind := range []plan.Kind{KindInstall, KindReplay} {
		if err := w.do(calls[kind]); err != nil {
			t.Fatal(err)
		}
	}
	w.write("data/bin/dssadmin", "#!/bin/sh\nexit 4\n", 0o755)
	err := (installer{}).Undo(context.Background(), calls[KindInstall])
	var left *providers.LeftoverError
	if !errors.As(err, &left) || !strings.Contains(left.What, "install-R-integration") {
		t.Fatalf("got %v", err)
	}
	if r, err := readRecord(w.recorded); err != nil || r.Manual["r"].Version != "13.5.0" {
		t.Errorf("%s, %v", w.recorded, err)
	}
}

// A step by hand is open until the file that it writes is another one.
func TestManualIsSeenDone(t *testing.T) {
	w := newWorld(t)
	w.declare(`integration "spark" {}`)
	c := w.calls(w.mustPropose())[0]
	if c.Action.Manual == "" {
		t.Fatal("the step is not for a person")
	}
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if p, diags := w.propose(nil); len(p.Steps) > 0 || len(diags) != 1 || !strings.Contains(diags[0].Detail, "install-spark-integration -standaloneArchive ARCHIVE") {
		t.Errorf("%v, %v", p.Steps, diags)
	}
	w.write("data/bin/env-spark.sh", "export X=1\n", 0o644)
	p, diags := w.propose(nil)
	if len(p.Steps) > 0 || len(diags) > 0 || !strings.Contains(string(p.Record), `"spark":{"version":"13.5.0"`) {
		t.Errorf("%v, %v, %s", p.Steps, diags, p.Record)
	}
}

func TestKeepKits(t *testing.T) {
	w := newWorld(t)
	w.kit("13.3.0", "")
	w.kit("13.4.0", "")
	w.recorded = []byte(`{"version":"13.5.0","kits":[{"dir":"` + w.base + `/kits/dataiku-dss-13.3.0","version":"13.3.0"},{"dir":"` + w.base + `/kits/dataiku-dss-13.4.0","version":"13.4.0"}]}`)
	w.declare("release {\n version = \"13.5.0\"\n keep_kits = 1\n}")
	c := w.calls(w.mustPropose())[0]
	if os.Getuid() == 0 {
		t.Skip("root's files are given to another account here, whose kits stay")
	}
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(w.base, "kits/dataiku-dss-13.3.0")) || !exists(filepath.Join(w.base, "kits/dataiku-dss-13.4.0")) {
		t.Error("the wrong kit is gone")
	}
	if p := w.mustPropose(); len(p.Steps) > 0 {
		t.Errorf("there is still something to do: %s", kinds(p))
	}
}
