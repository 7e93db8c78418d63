package dss

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fakeProc makes the root of a process list with these listening sockets, and what
// the processes in it have open. It has nobody else.
type fakeProc struct {
	t    *testing.T
	root string
}

func newFakeProc(t *testing.T) *fakeProc {
	t.Helper()
	f := &fakeProc{t, t.TempDir()}
	f.listen()
	return f
}

// listen replaces the list of listening sockets; each is "PORT UID INODE".
func (f *fakeProc) listen(sockets ...string) {
	f.t.Helper()
	text := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for i, s := range sockets {
		var port, uid, inode int
		if _, err := fmt.Sscan(s, &port, &uid, &inode); err != nil {
			f.t.Fatal(err)
		}
		text += fmt.Sprintf("%4d: 00000000:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0 100 0 0 10 0\n", i, port, uid, inode)
	}
	write(f.t, filepath.Join(f.root, "net/tcp"), text, 0o644)
}

// process adds a process.
func (f *fakeProc) process(pid, parent, session int, cmdline, environ []string, inodes ...int) {
	f.t.Helper()
	dir := filepath.Join(f.root, itoa(pid))
	write(f.t, filepath.Join(dir, "stat"), fmt.Sprintf("%d (x) S %d %d %d 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0", pid, parent, session, session, pid*100), 0o644)
	write(f.t, filepath.Join(dir, "cmdline"), strings.Join(cmdline, "\x00")+"\x00", 0o644)
	write(f.t, filepath.Join(dir, "environ"), strings.Join(environ, "\x00")+"\x00", 0o644)
	for i, inode := range inodes {
		must(f.t, os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
		must(f.t, os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(dir, "fd", itoa(i))))
	}
	if os.Getuid() == 0 {
		account(f.t, dir)
	}
}

// What is left of a DSS that is not visible among the processes: it runs in
// another container on the same volume.
func TestSignsOfLifeElsewhere(t *testing.T) {
	seeded := func(t *testing.T) (*Instance, *fakeProc) {
		t.Helper()
		p := newFakeProc(t)
		dir := newDataDir(t)
		write(t, filepath.Join(dir, "databases/flow_state.mv.db"), "H2", 0o600)
		write(t, filepath.Join(dir, "timelines/P/timeline.mv.db"), "H2", 0o600)
		must(t, os.MkdirAll(filepath.Join(dir, "run"), 0o755))
		write(t, filepath.Join(dir, "state"), "unix:///svd.sock no such file\n", 0o644)
		return open(t, dir, func(o *Options) { o.Proc = p.root }), p
	}
	hold := func(file string) func(*testing.T, *Instance, *fakeProc) {
		return func(t *testing.T, in *Instance, _ *fakeProc) {
			f, err := os.OpenFile(in.Path(file), os.O_RDWR, 0)
			must(t, err)
			t.Cleanup(func() { f.Close() })
			must(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: 1}))
		}
	}
	for name, tc := range map[string]struct {
		set  func(t *testing.T, in *Instance, p *fakeProc)
		want string // in the reason; "" for stopped
	}{
		"nothing":            {func(*testing.T, *Instance, *fakeProc) {}, ""},
		"database":           {hold("databases/flow_state.mv.db"), "databases/flow_state.mv.db is locked"},
		"timeline":           {hold("timelines/P/timeline.mv.db"), "timelines/P/timeline.mv.db is locked"},
		"base port, anybody": {func(_ *testing.T, in *Instance, p *fakeProc) { p.listen("11200 0 77") }, "port 11200"},
		"backend port":       {func(_ *testing.T, in *Instance, p *fakeProc) { p.listen(fmt.Sprintf("11201 %d 77", in.uid)) }, "port 11201"},
		"port of another account in the block": {func(_ *testing.T, in *Instance, p *fakeProc) {
			p.listen(fmt.Sprintf("11203 %d 77", in.uid+1), fmt.Sprintf("11210 %d 78", in.uid))
		}, ""},
		"port of another data directory": {func(_ *testing.T, in *Instance, p *fakeProc) {
			p.listen(fmt.Sprintf("11200 %d 77", in.uid))
			p.process(50, 1, 50, []string{"nginx"}, []string{"DIP_HOME=" + in.DataDir + "2"}, 77)
		}, ""},
		"port of something else": {func(_ *testing.T, in *Instance, p *fakeProc) {
			p.listen(fmt.Sprintf("11200 %d 77", in.uid))
			p.process(50, 1, 50, []string{"nginx"}, []string{"HOME=/"}, 77)
		}, "port 11200"},
		"socket": {func(t *testing.T, in *Instance, _ *fakeProc) {
			l := listenAt(t, in.Path("run"), "svd.sock")
			t.Cleanup(func() { l.Close() })
		}, "run/svd.sock"},
		"socket that was left": {func(t *testing.T, in *Instance, _ *fakeProc) {
			l := listenAt(t, in.Path("run"), "svd.sock")
			l.SetUnlinkOnClose(false)
			must(t, l.Close())
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in, p := seeded(t)
			tc.set(t, in, p)
			got, _, err := in.State(t.Context())
			if tc.want == "" {
				if got != ServiceStopped || err != nil {
					t.Errorf("got %s, %v", got, err)
				}
				return
			}
			if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v", got, err)
			}
			if stopped, err := in.Stopped(t.Context()); stopped || err != nil {
				t.Errorf("stopped: %v, %v", stopped, err)
			}
		})
	}
}

// listenAt listens on a socket, however long the folder's path is.
func listenAt(t *testing.T, dir, name string) *net.UnixListener {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name)})
	must(t, err)
	return l
}

// In the public container image every process has the data directory in its
// environment, also what has nothing to do with DSS.
func TestProcessesOfAnImage(t *testing.T) {
	p := newFakeProc(t)
	in := open(t, newDataDir(t), func(o *Options) { o.Proc = p.root })
	p.process(1, 0, 1, []string{"sleep", "infinity"}, []string{"DSS_DATADIR=" + in.DataDir})
	p.process(7, 1, 7, []string{"java"}, []string{"DSS_DATADIR=" + in.DataDir, "DIP_HOME=" + in.DataDir})
	got, err := in.Processes()
	if err != nil || len(got) != 1 || got[0].PID != 7 {
		t.Errorf("found %v, %v", got, err)
	}
}
