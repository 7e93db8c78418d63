package dss

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

// serve starts a web server and writes its port into install.ini.
func serve(t *testing.T, in *Instance, tls bool, h http.HandlerFunc) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ini := strings.Replace(read(t, in.Path("install.ini")), "11200", u.Port(), 1)
	if tls {
		ini = strings.Replace(ini, "[server]\n", "[server]\nssl = true\n", 1)
	}
	write(t, in.Path("install.ini"), ini, 0o600)
}

func TestWaitReady(t *testing.T) {
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", tls), func(t *testing.T) {
			in := open(t, newDataDir(t), func(o *Options) { o.Clock = newHandClock() })
			answers := []func(w http.ResponseWriter){
				func(w http.ResponseWriter) { http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway) },
				func(w http.ResponseWriter) { http.Error(w, "{}", http.StatusServiceUnavailable) },
				func(w http.ResponseWriter) { fmt.Fprint(w, "<html>Starting</html>") },
				func(w http.ResponseWriter) {
					http.Redirect(w, &http.Request{URL: &url.URL{}}, "/login", http.StatusFound)
				},
				func(w http.ResponseWriter) { fmt.Fprint(w, `{"version": "14.4.1"}`) },
			}
			var n atomic.Int32
			serve(t, in, tls, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/dip/api/get-configuration" {
					t.Errorf("asked for %s", r.URL)
				}
				answers[min(int(n.Add(1)), len(answers))-1](w)
			})
			setState(t, in, "backend RUNNING pid 1\n")
			var notes []string
			if err := in.WaitReady(t.Context(), time.Minute, func(s string) { notes = append(notes, s) }); err != nil {
				t.Fatal(err)
			}
			if int(n.Load()) != len(answers) || len(notes) != len(answers)-1 || !strings.Contains(notes[0], "502") {
				t.Errorf("%d answers, notes %q", n.Load(), notes)
			}
			if ok, err := in.Ready(t.Context()); !ok || err != nil {
				t.Errorf("Ready: %v, %v", ok, err)
			}
		})
	}
}

// The web server answers, the backend is still starting: not ready.
func TestReadyNeedsTheMainProcess(t *testing.T) {
	clock := newHandClock()
	in := open(t, newDataDir(t), func(o *Options) { o.Clock = clock })
	serve(t, in, false, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	setState(t, in, "backend STARTING\n")
	if ok, err := in.Ready(t.Context()); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	looks := 0
	clock.slept = func(time.Duration) {
		if looks++; looks == 3 {
			setState(t, in, "backend RUNNING pid 4\n")
		}
	}
	if err := in.WaitReady(t.Context(), time.Minute, nil); err != nil || looks != 3 {
		t.Errorf("got %v after %d looks", err, looks)
	}
}

// However long the pause between two questions for the status has grown, DSS is
// noticed soon after it answers.
func TestReadyIsNoticedSoon(t *testing.T) {
	clock := newHandClock()
	in := open(t, newDataDir(t), func(o *Options) { o.Clock = clock })
	setState(t, in, "backend STARTING\n")
	up := clock.Now().Add(20*time.Second + 50*time.Millisecond)
	serve(t, in, false, func(w http.ResponseWriter, _ *http.Request) {
		if clock.Now().Before(up) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "{}")
	})
	clock.slept = func(time.Duration) {
		if !clock.Now().Before(up) {
			setState(t, in, "backend RUNNING pid 4\n")
		}
	}
	if err := in.WaitReady(t.Context(), time.Minute, nil); err != nil {
		t.Fatal(err)
	}
	if late := clock.Now().Sub(up); late > 200*time.Millisecond {
		t.Errorf("noticed %s after DSS answered", late)
	}
}

func TestApiNodeReady(t *testing.T) {
	dir := newDataDir(t)
	in := open(t, dir, nil)
	write(t, in.Path("install.ini"), strings.Replace(sampleINI, "design", "api", 1), 0o600)
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/isAlive" {
			http.NotFound(w, r)
		}
		fmt.Fprint(w, "ok")
	})
	setState(t, in, "apimain RUNNING pid 1\n")
	if ok, err := in.Ready(t.Context()); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestNotReady(t *testing.T) {
	for name, tc := range map[string]struct {
		state string
		most  time.Duration
		why   string
	}{
		"fatal":       {"backend FATAL Exited too quickly\nnginx RUNNING pid 4\n", time.Second, "DSS failed right away: its supervisor has given up backend (FATAL)"},
		"web server":  {"backend STARTING\nnginx FATAL can't bind\n", time.Second, "given up nginx (FATAL)"},
		"ended":       {"backend STOPPED\n", time.Minute, "it ended"},
		"never":       {"backend STARTING\n", 11 * time.Minute, "the time was up"},
		"unknown":     {"requires authentication\n", 11 * time.Minute, "the time was up"},
		"keeps dying": {"backend BACKOFF Exited too quickly\n", 11 * time.Minute, "the time was up"},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newHandClock()
			r := &runner{answer: func(string, proc.Cmd) (string, int) { return tc.state, 0 }}
			in := open(t, newDataDir(t), func(o *Options) { o.Clock, o.Runner = clock, r })
			serve(t, in, false, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) })
			write(t, in.Path("run/backend.log"), strings.Repeat("old line\n", 5000)+"cannot connect as e:AES:abcdef\nlast line\n", 0o600)
			began := clock.Now()
			err := in.WaitReady(t.Context(), 10*time.Minute, nil)
			if d := clock.Now().Sub(began); d > tc.most {
				t.Errorf("waited %s", d)
			}
			if !as[*NotReadyError](err) {
				t.Fatalf("got %v", err)
			}
			for _, want := range []string{tc.why, "/dip/api/get-configuration", "502", "last line", "backend.log"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if strings.Contains(err.Error(), "e:AES:abc") {
				t.Error("the log is not redacted")
			}
			if len(err.Error()) > 3000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// Where a DSS that failed has left no word, the error still says where to look.
func TestNotReadyWithoutALog(t *testing.T) {
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "backend FATAL Exited too quickly\n", 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Clock, o.Runner = newHandClock(), r })
	err := in.WaitReady(t.Context(), time.Minute, nil)
	if want := in.Path("run", "backend.log") + " says nothing: look at the other logs beside it"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, expected it to end with %q", err, want)
	}
}

func TestWaitReadyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("asked to stop")
	clock := newHandClock()
	clock.slept = func(time.Duration) { cancel(reason) }
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "backend STARTING\n", 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Clock, o.Runner = clock, r })
	if err := in.WaitReady(ctx, time.Hour, nil); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}
