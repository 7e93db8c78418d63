package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// quick is an estate with an instance that starts and stops in no time: scripts
// in the place of DSS's commands, and a server that answers for it while it is up.
// For what happens around windows, not in them.
type quick struct {
	*lab
	root string
	// before and after are the data directory as it was found and as declared.
	before, after map[string]string
	args          []string
}

const quickScript = `#!/bin/sh
# a file slow-WHAT has a command wait until it is gone, a file fail-WHAT has it fail
cd '%s'
what=${2:-$1}
if [ -e "slow-$what" ]; then
	touch "started-$what"
	while [ -e "slow-$what" ]; do sleep 0.02; done
fi
if [ -e "fail-$what" ]; then
	[ "$what" != start ] || touch fatal
	echo "no luck" >&2
	exit 1
fi
case $1 in
start) touch up; rm -f fatal ;;
stop) rm -f up fatal ;;
esac
if [ -e fatal ]; then
	echo 'backend                          FATAL      Exited too quickly (process log may have details)'
elif [ -e up ]; then
	echo 'backend                          RUNNING    pid 4711, uptime 0:00:11'
else
	echo 'DSS is not running'
fi
`

func newQuick(t *testing.T, extra string) *quick {
	t.Helper()
	root := t.TempDir()
	q := &quick{lab: &lab{t: t, dir: filepath.Join(root, "estate"), data: filepath.Join(root, "data")}, root: root}
	port, release, err := dsskit.FreePorts(10)
	q.ok(err)
	t.Cleanup(release)
	q.answer(port)
	data := standIn(t, filepath.Join(q.data, "design"))
	write(t, data, "install.ini", "[general]\nnodetype = design\ninstallid = aaaaaaaaaaaaaaaaaaaaaaaa\n\n[server]\nport = "+strconv.Itoa(port)+"\n\n[javaopts]\nbackend.xmx = 4g\n")
	write(t, data, "bin/dss", fmt.Sprintf(quickScript, root))
	write(t, data, "bin/dssadmin", fmt.Sprintf(quickScript, root))
	q.ok(os.Chmod(filepath.Join(data, "bin", "dssadmin"), 0o755))
	write(t, q.dir, "main.dss.hcl", fmt.Sprintf(`
instance "design" {
  data_dir = %q

  general_settings = {
    maxRunningActivities = 20
  }
  install_ini = {
    javaopts = { "backend.xmx" = "8g" }
  }
%s
}
`, data, extra))
	q.mark("up")
	q.before = configs(t, q.data)
	t.Cleanup(func() {
		for _, name := range []string{"stop", "start", "regenerate-config"} {
			q.unmark("slow-" + name) // nothing may wait for good
		}
		q.quiet()
	})
	return q
}

// answer has the port answer while DSS is up, and be closed while it is not: an open
// port is a sign of life.
func (q *quick) answer(port int) {
	end, ended := make(chan struct{}), make(chan struct{})
	q.t.Cleanup(func() { close(end); <-ended })
	go func() {
		defer close(ended)
		var server *http.Server
		for open := true; open; {
			select {
			case <-end:
				open = false
			case <-time.After(5 * time.Millisecond):
			}
			switch up := open && q.up(); {
			case up && server == nil:
				listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					continue // its last connections are not over yet
				}
				server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }), ReadHeaderTimeout: time.Minute}
				go func(s *http.Server) { _ = s.Serve(listener) }(server)
			case !up && server != nil:
				_ = server.Close()
				server = nil
			}
		}
	}()
}

func (q *quick) mark(name string) { write(q.t, q.root, name, "") }

func (q *quick) unmark(name string) {
	if err := os.Remove(filepath.Join(q.root, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.t.Error(err)
	}
}

func (q *quick) marked(name string) func() bool {
	return func() bool { _, err := os.Lstat(filepath.Join(q.root, name)); return err == nil }
}

// up reports whether DSS runs.
func (q *quick) up() bool { return q.marked("up")() }

// guards are the processes that guard a run of this estate.
func (q *quick) guards() []string {
	var out []string
	dirs, err := filepath.Glob("/proc/[0-9]*")
	q.ok(err)
	for _, dir := range dirs {
		cwd, err := os.Readlink(filepath.Join(dir, "cwd"))
		if err != nil || cwd != q.dir {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err == nil && strings.HasSuffix(string(raw), "\x00guard\x00") && strings.Count(string(raw), "\x00") == 2 {
			out = append(out, filepath.Base(dir))
		}
	}
	return out
}

// quiet waits until no guard is at work any more.
func (q *quick) quiet() {
	q.t.Helper()
	waitFor(q.t, "the end of the guard", func() bool { return len(q.guards()) == 0 })
}

// keep puts the world aside; the function brings it back, with DSS up or not.
func (q *quick) keep(name string) (back func()) {
	q.t.Helper()
	copyTree(q.t, q.data, q.aside(name, "data"))
	copyTree(q.t, q.dir, q.aside(name, "estate"))
	up := q.up()
	return func() {
		q.quiet()
		q.ok(os.RemoveAll(q.data))
		q.ok(os.RemoveAll(q.dir))
		copyTree(q.t, q.aside(name, "data"), q.data)
		copyTree(q.t, q.aside(name, "estate"), q.dir)
		q.unmark("up")
		q.unmark("fatal")
		if up {
			q.mark("up")
		}
	}
}

// newest is the newest run.
func (q *quick) newest() (run struct{ ID, Status string }) {
	q.t.Helper()
	heads, err := filepath.Glob(filepath.Join(q.dir, ".dssctl", "runs", "2*", "run.json"))
	q.ok(err)
	if len(heads) == 0 {
		return run
	}
	raw, err := os.ReadFile(heads[len(heads)-1]) // in the order of their names
	q.ok(err)
	q.ok(json.Unmarshal(raw, &run))
	return run
}

// open reports whether the newest run is open.
func (q *quick) open() bool {
	s := q.newest().Status
	return s == "running" || s == "failed"
}
