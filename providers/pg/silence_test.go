package pg

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/proc"
)

// short is an idle limit that a test can wait for, as the driver has it.
var short = map[string]string{"socketTimeout": "2"}

// freeze stops every process of a server without ending it, as a frozen virtual
// machine does: it neither answers nor closes. The returned function lets it go on.
func freeze(t *testing.T, p *dsskit.Postgres) func() {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	master, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	signal := func(s syscall.Signal) {
		out, _ := exec.CommandContext(context.Background(), "pgrep", "-P", first).Output()
		all := []int{master}
		for f := range strings.FieldsSeq(string(out)) {
			if pid, err := strconv.Atoi(f); err == nil {
				all = append(all, pid)
			}
		}
		for _, pid := range all {
			_ = syscall.Kill(pid, s) // one may have ended by itself
		}
	}
	signal(syscall.SIGSTOP)
	var once sync.Once
	thaw := func() { once.Do(func() { signal(syscall.SIGCONT) }) }
	t.Cleanup(thaw)
	return thaw
}

// proxy forwards to a server until it is told to hold everything back.
type proxy struct {
	net.Listener
	port int
	held atomic.Bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, port: l.Addr().(*net.TCPAddr).Port}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			var d net.Dialer
			out, err := d.DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			go p.forward(in, out)
			go p.forward(out, in)
		}
	}()
	return p
}

func (p *proxy) forward(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		for p.held.Load() {
			if (clock.System{}).Sleep(context.Background(), 50*time.Millisecond) != nil {
				return
			}
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// givesUp runs f, which must end by itself with the error that says silent.
func givesUp(t *testing.T, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	began := (clock.System{}).Now()
	tooLong, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() { done <- f() }()
	select {
	case err := <-done:
		if KindOf(err) != Silent && KindOf(err) != Timeout {
			t.Errorf("%s ended with %v", what, err)
		}
		t.Logf("%s ended after %v: %v", what, (clock.System{}).Now().Sub(began).Round(time.Millisecond), err)
	case <-tooLong.Done():
		t.Fatalf("%s waits for ever", what)
	}
}

// A server that goes silent in the middle of a copy, a dump or a restore, or on
// its way to us, is given up, and nothing of the copy is there when it is back.
func TestSilentServer(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("PostgreSQL does not run as root: run the tests with scripts/test")
	}
	ctx := context.Background()
	server, err := dsskit.StartPostgres(ctx, filepath.Join(t.TempDir(), "pg"), dsskit.PGOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	l := database(t, server)
	run(t, l, `CREATE SCHEMA s; CREATE TABLE s.p_jobs (id int PRIMARY KEY, v text); INSERT INTO s.p_jobs SELECT i, repeat(i::text, 200) FROM generate_series(1, 60000) i`)
	impatient := l
	impatient.Properties = short
	from := Place{Schema: "s", Prefix: "p_"}
	dir := t.TempDir()
	file := filepath.Join(dir, "postgresql.dump")
	tools := Tools{Runner: proc.New(proc.Options{})}
	info, err := tools.Dump(ctx, Dump{Login: l, Place: from, File: file})
	if err != nil {
		t.Fatal(err)
	}
	empty := func(what string) {
		t.Helper()
		if left, err := Objects(ctx, l, Place{Schema: "s", Prefix: "q_"}, false); err != nil || len(left) > 0 {
			t.Errorf("%s left %v (%v)", what, left, err)
		}
	}
	through := newProxy(t, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)))
	for name, hold := range map[string]func() (login Login, freeze func() (thaw func())){
		"stopped": func() (Login, func() func()) {
			return impatient, func() func() { return freeze(t, server) }
		},
		"behind a proxy that drops": func() (Login, func() func()) {
			at := impatient
			at.Port = through.port
			return at, func() func() { through.held.Store(true); return func() { through.held.Store(false) } }
		},
	} {
		t.Run(name, func(t *testing.T) {
			at, stop := hold()
			var thaw func()
			var once sync.Once
			midway := func(done, _ int64, _ string) {
				if done > 1<<20 {
					once.Do(func() { thaw = stop() })
				}
			}
			givesUp(t, "a transfer", func() error {
				tr := Transfer{From: Side{at, from}, To: Side{at, Place{Schema: "s", Prefix: "q_"}}, Progress: midway}
				_, err := tr.Run(ctx)
				return err
			})
			thaw()
			empty("a transfer")
			once = sync.Once{}
			givesUp(t, "a restore", func() error {
				return tools.Restore(ctx, Restore{Login: at, To: Place{Schema: "s", Prefix: "q_"}, File: file, Info: info, Progress: midway})
			})
			thaw()
			empty("a restore")
		})
	}
	// A program that talks to it is ended, with all that it was.
	thaw := freeze(t, server)
	givesUp(t, "a program", func() error {
		watched, stop := Watch(ctx, impatient, clock.System{})
		defer stop()
		_, err := proc.New(proc.Options{}).Run(watched, proc.Cmd{Path: "/bin/sleep", Args: []string{"600"}})
		if err == nil {
			return io.EOF
		}
		return context.Cause(watched)
	})
	givesUp(t, "a dump", func() error {
		_, err := tools.Dump(ctx, Dump{Login: impatient, Place: from, File: filepath.Join(dir, "late.dump")})
		return err
	})
	thaw()

	// A statement that is silent because it works is left alone.
	c := connect(t, impatient)
	if _, err := c.Exec(ctx, `SELECT pg_sleep(5)`); err != nil {
		t.Errorf("a long statement was given up: %v", err)
	}
	// And so is a connection that nobody waits on.
	if err := (clock.System{}).Sleep(ctx, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, `SELECT 1`); err != nil {
		t.Errorf("an idle connection was given up: %v", err)
	}
}
