package dss

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// namespace says which number a process has in its own process namespace, and which
// that is.
func (f *fakeProc) namespace(pid, inner int, space string) {
	f.t.Helper()
	dir := filepath.Join(f.root, itoa(pid))
	numbers := itoa(pid)
	if inner != pid {
		numbers += "\t" + itoa(inner)
	}
	write(f.t, filepath.Join(dir, "status"), "Name:\tx\nNSpid:\t"+numbers+"\n", 0o644)
	must(f.t, os.MkdirAll(filepath.Join(dir, "ns"), 0o755))
	must(f.t, os.Symlink("pid:["+space+"]", filepath.Join(dir, "ns", "pid")))
}

// A stop must not end the container, and not dssctl.
func TestTied(t *testing.T) {
	supervisor := func(in *Instance) []string {
		return []string{"python3", "/opt/kit/supervisord", "-c", in.DataDir + "/install-support/supervisord.conf"}
	}
	home := func(in *Instance) []string { return []string{"DIP_HOME=" + in.DataDir} }
	me := os.Getpid()
	for name, tc := range map[string]struct {
		set  func(p *fakeProc, in *Instance)
		want string // in the error; "" for none
	}{
		"a daemon on a host": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"/usr/lib/systemd/systemd"}, nil)
			p.process(900, 1, 900, supervisor(in), home(in))
			p.process(901, 900, 900, []string{"java", "-Dx=" + in.DataDir}, home(in))
			p.process(me, 1, me, []string{"dssctl"}, nil)
		}, ""},
		"a daemon in a container of its own": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"bash", "/start.sh"}, nil)
			p.process(20, 1, 20, supervisor(in), home(in))
		}, ""},
		"first process": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, supervisor(in), home(in))
			p.process(7, 1, 1, []string{"java"}, home(in))
		}, "DSS is the first process of its container"},
		"start script is the first process": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"bash", "/home/dataiku/run.sh"}, []string{"DSS_DATADIR=" + in.DataDir})
			p.process(7, 1, 1, supervisor(in), home(in))
		}, "the first process of the container (1) waits for DSS"},
		"init and a start script": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"tini", "--", "/run.sh"}, nil)
			p.process(7, 1, 1, []string{"bash", "/run.sh"}, nil)
			p.process(8, 7, 1, supervisor(in), home(in))
		}, "the first process of the container (1) waits for DSS"},
		"in the foreground of somebody who came in": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"sleep", "infinity"}, nil)
			p.process(30, 0, 30, supervisor(in), home(in))
		}, ""},
		"a container, seen from its host": {func(p *fakeProc, in *Instance) {
			p.process(1, 0, 1, []string{"systemd"}, nil)
			p.process(500, 1, 500, []string{"containerd-shim"}, nil)
			p.process(501, 500, 501, supervisor(in), home(in))
			p.namespace(501, 1, "7")
		}, "DSS is the first process of its container"},
		"a daemon in a container, seen from its host": {func(p *fakeProc, in *Instance) {
			p.process(501, 500, 501, []string{"sleep"}, nil)
			p.namespace(501, 1, "7")
			p.process(520, 501, 520, supervisor(in), home(in))
			p.namespace(520, 20, "7")
			p.process(me, 1, me, []string{"dssctl"}, nil)
			p.namespace(me, me, "3")
			must(t, os.Symlink(itoa(me), filepath.Join(p.root, "self")))
		}, "DSS runs in another container than dssctl"},
		"dssctl in a scenario": {func(p *fakeProc, in *Instance) {
			p.process(900, 1, 900, supervisor(in), home(in))
			p.process(901, 900, 900, []string{"java", "-Dx=" + in.DataDir}, home(in))
			p.process(902, 901, 900, []string{"bash", "-c", "dssctl apply"}, home(in))
			p.process(me, 902, 900, []string{"dssctl"}, home(in))
		}, "dssctl was started by this DSS itself"},
		"dssctl below what the supervisor lists": {func(p *fakeProc, in *Instance) {
			p.process(900, 1, 900, []string{"python3"}, home(in))
			p.process(901, 900, 900, []string{"java"}, home(in))
			p.process(me, 901, 900, []string{"dssctl"}, home(in))
			write(t, in.Path("state"), "backend RUNNING pid 901, uptime 0:00:10\n", 0o644)
		}, "below its process 901 (java)"},
		"a profile that names the data directory": {func(p *fakeProc, in *Instance) {
			p.process(900, 1, 900, supervisor(in), home(in))
			p.process(950, 1, 950, []string{"-bash"}, home(in))
			p.process(me, 950, me, []string{"dssctl"}, home(in))
		}, ""},
		"in the boot unit's group": {func(p *fakeProc, in *Instance) {
			p.process(900, 1, 900, supervisor(in), home(in))
			write(t, filepath.Join(p.root, "self/cgroup"), "0::/system.slice/dataiku.service\n", 0o644)
			in.o.Unit = "dataiku"
		}, "inside the boot unit dataiku.service"},
		"in another unit": {func(p *fakeProc, in *Instance) {
			p.process(900, 1, 900, supervisor(in), home(in))
			write(t, filepath.Join(p.root, "self/cgroup"), "0::/system.slice/backup-of-dataiku.service\n", 0o644)
			in.o.Unit = "dataiku"
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFakeProc(t)
			in := open(t, newDataDir(t), func(o *Options) { o.Proc = p.root })
			tc.set(p, in)
			err := in.Tied(t.Context())
			var tied *TiedError
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tc.want != "" && (!errors.As(err, &tied) || !strings.Contains(err.Error(), tc.want) || tied.Remedy == ""):
				t.Errorf("got %v, expected %q", err, tc.want)
			}
		})
	}
}
