package dss

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sign is something that there is of a running DSS, whatever bin/dss status says.
type sign struct {
	seen   string // follows "and": "127.0.0.1:11200 answers"
	remedy string
	// ours says that processes of the data directory were seen.
	ours bool
}

// signOfLife looks for a running DSS without asking its scripts; the zero sign
// means that there is nothing. What is looked at in turn: the processes of the
// data directory, the ports of the instance, and, for a DSS whose processes and
// ports are not visible from here (another container on the same volume), what it
// holds on the file system itself: locks on its databases, and its sockets.
func (in *Instance) signOfLife(ctx context.Context) (sign, error) {
	left, err := in.Processes()
	if err != nil {
		return sign{}, err
	}
	if len(left) > 0 {
		return sign{
			seen:   "processes of this data directory run: " + listProcesses(left),
			remedy: "Stop DSS with the script of the kit that started it, or end these processes",
			ours:   true,
		}, nil
	}
	if port, err := in.openPort(ctx); err != nil || port != "" {
		return sign{
			seen:   port + ", while no process of this data directory is seen from here",
			remedy: "Find out who listens there (`ss -ltnp`, also on the host and in other containers): if it is this DSS, stop it where it runs and run dssctl there; if not, end it or give the instance another port",
		}, err
	}
	for _, held := range []string{in.lockedDatabase(), in.liveSocket()} {
		if held != "" {
			return sign{
				seen:   held + ", while no process of this data directory is seen from here",
				remedy: "DSS seems to run in another container on the same volume: stop it there, or run dssctl there",
			}, nil
		}
	}
	return sign{}, nil
}

// ownPorts is how many ports an instance owns, from its base port on.
const ownPorts = 10

// openPort says in words which of the instance's ports is in use; "" for none.
// The base port counts whoever listens there, the others where the account of the
// instance does. A listener that is known to be another data directory's does not
// count: overlapping ports are another mistake.
func (in *Instance) openPort(ctx context.Context) (string, error) {
	base, h, err := in.base()
	if err != nil {
		return "", err
	}
	foreign := false
	// Where the kernel's list cannot be read, the base port is asked all the same.
	all, _ := listenSockets(filepath.Join(in.o.Proc, "net"))
	slices.SortFunc(all, func(a, b listenSocket) int { return a.port - b.port })
	for _, s := range all {
		if s.port < h.port || s.port >= h.port+ownPorts || s.port != h.port && s.uid != in.uid {
			continue
		}
		if in.ofAnotherInstance(s) {
			foreign = foreign || s.port == h.port
			continue
		}
		return fmt.Sprintf("something listens on port %d", s.port), nil
	}
	if foreign {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/", http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := in.o.HTTP.Do(req)
	switch {
	case err == nil:
		resp.Body.Close()
		return base + " answers", nil
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH):
		return "", nil // closed, or a network without a loopback address
	}
	return base + " is not simply closed: " + rootCause(err), nil
}

// ofAnotherInstance reports whether the socket belongs to a process that runs for
// another data directory.
func (in *Instance) ofAnotherInstance(s listenSocket) bool {
	if s.uid != in.uid {
		return false
	}
	link := fmt.Sprintf("socket:[%d]", s.inode)
	entries, err := os.ReadDir(in.o.Proc)
	if err != nil {
		return false
	}
	for _, e := range entries {
		dir := filepath.Join(in.o.Proc, e.Name())
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			continue // no process, or not ours to see
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil && to == link {
				environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
				home := variable(environ, "DIP_HOME")
				return home != "" && !in.namedIn(home)
			}
		}
	}
	return false
}

// The most that is looked at for locks and sockets: there is one database for
// each project in timelines.
const mostHeld = 500

// lockedDatabase says which database file somebody has open as H2 opens it, with
// a lock; "" for none. The kernel tells of locks also across containers.
func (in *Instance) lockedDatabase() string {
	looked := 0
	for _, pattern := range []string{"databases/*.mv.db", "timelines/*.mv.db", "timelines/*/*.mv.db"} {
		files, err := filepath.Glob(in.Path(pattern))
		if err != nil {
			continue
		}
		for _, path := range files {
			if looked++; looked > mostHeld {
				return ""
			}
			if locked(path) {
				rel, err := filepath.Rel(in.DataDir, path)
				if err != nil {
					rel = path
				}
				return rel + " is locked by a program that has it open"
			}
		}
	}
	return ""
}

// locked reports whether a process holds a lock on the whole file or a part of
// it. It takes none itself.
func locked(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	ask := unix.Flock_t{Type: unix.F_WRLCK}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &ask) == nil && ask.Type != unix.F_UNLCK
}

const socketTimeout = 2 * time.Second

// liveSocket says on which socket under run/ somebody takes calls, such as DSS's
// supervisor; "" for none. A socket that nobody listens on any more refuses.
func (in *Instance) liveSocket() string {
	entries, err := os.ReadDir(in.Path("run"))
	if err != nil {
		return ""
	}
	looked := 0
	for _, e := range entries {
		if e.Type()&os.ModeSocket == 0 {
			continue
		}
		if looked++; looked > mostHeld {
			return ""
		}
		if accepts(in.Path("run"), e.Name()) {
			return "somebody listens on the socket run/" + e.Name()
		}
	}
	return ""
}

// accepts connects to a socket by a path that is short enough, however deep the
// folder lies.
func accepts(dir, name string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	conn, err := net.DialTimeout("unix", fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), name), socketTimeout)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// variable is the value of an environment's variable; "" where it is not set.
func variable(environ []byte, name string) string {
	for v := range strings.SplitSeq(string(environ), "\x00") {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
