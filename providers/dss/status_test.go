package dss

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/proc"
)

func TestStateDialects(t *testing.T) {
	for name, tc := range map[string]struct {
		node string // design when ""
		out  string
		exit int
		want Service
	}{
		"table":             {out: "backend                          RUNNING   pid 3611, uptime 22:17:33\nipython  RUNNING pid 3612, uptime 22:17:33\nnginx RUNNING pid 3610, uptime 22:17:33\n", want: ServiceRunning},
		"narrow":            {out: "backend RUNNING pid 3611\n", want: ServiceRunning},
		"tabs":              {out: "nginx\tRUNNING\tpid 1\nbackend\tRUNNING\tpid 2\n", want: ServiceRunning},
		"indented":          {out: "DSS status:\n   backend    STARTING\n\n", want: ServiceStarting},
		"group":             {out: "dss:backend RUNNING pid 2, uptime 0:00:01\n", want: ServiceRunning},
		"colon":             {out: "backend: RUNNING (pid 2)\n", want: ServiceRunning},
		"brackets":          {out: "backend [RUNNING]\n", want: ServiceRunning},
		"lower case":        {out: "backend is running (pid 77)\n", want: ServiceRunning},
		"escapes":           {out: "backend \x1b[32mRUNNING\x1b[0m pid 3\n", want: ServiceRunning},
		"windows lines":     {out: "backend RUNNING pid 3\r\nnginx RUNNING pid 4\r\n", want: ServiceRunning},
		"bad exit":          {out: "backend RUNNING pid 3611\njek STOPPED Not started\n", exit: 3, want: ServiceRunning},
		"good exit":         {out: "backend FATAL Exited too quickly (process log may have details)\n", want: ServiceFailed},
		"backoff":           {out: "backend BACKOFF Exited too quickly\nnginx RUNNING pid 1\n", want: ServiceFailed},
		"exited":            {out: "backend EXITED Nov 20 03:00 PM\n", want: ServiceFailed},
		"stopping":          {out: "backend STOPPING\n", want: ServiceRunning},
		"all stopped":       {out: "backend STOPPED Nov 20 03:00 PM\nnginx STOPPED Not started\n", exit: 3, want: ServiceStopped},
		"half stopped":      {out: "backend STOPPED Nov 20\nnginx RUNNING pid 5\n", want: ServiceFailed},
		"no supervisor":     {out: "unix:///data/dss/run/svd.sock no such file\n", exit: 4, want: ServiceStopped},
		"refused":           {out: "unix:///data/dss/run/svd.sock refused connection\n", exit: 4, want: ServiceStopped},
		"words":             {out: "DSS is not running\n", exit: 1, want: ServiceStopped},
		"other words":       {out: "Dataiku DSS: not currently running.\n", want: ServiceStopped},
		"no connection":     {out: "[-] Could not connect to supervisor at /data/dss/run/svd.sock\n", exit: 3, want: ServiceStopped},
		"python error":      {out: "error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory: file: socket.py line: 837\n", exit: 2, want: ServiceStopped},
		"stopped in words":  {out: "DSS is stopped\n", want: ServiceStopped},
		"no locale":         {out: "bash: warning: setlocale: LC_ALL: cannot change locale (en_US.utf8)\n", exit: 1, want: ServiceStopped},
		"silence":           {out: "", exit: 1, want: ServiceStopped},
		"locked supervisor": {out: "Server requires authentication\nerror: <class 'xmlrpc.client.Fault'>\n", exit: 2, want: ServiceUnknown},
		"unknown":           {out: "backend UNKNOWN\n", want: ServiceUnknown},
		"something else":    {out: "DSS is down.\n", exit: 1, want: ServiceStopped},
		"no main line":      {out: "nginx RUNNING pid 3\n", want: ServiceUnknown},
		"api node":          {node: "api", out: "apimain RUNNING pid 3\nnginx RUNNING pid 4\n", want: ServiceRunning},
		"api node, backend": {node: "api", out: "backend RUNNING pid 3\n", want: ServiceUnknown},
		"govern":            {node: "govern", out: "governserver  STARTING\n", want: ServiceStarting},
		"automation":        {node: "automation", out: "backend RUNNING pid 3\n", want: ServiceRunning},
		"backend2":          {out: "backend2 RUNNING pid 3\n", want: ServiceUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			if tc.node != "" {
				write(t, filepath.Join(dir, "install.ini"), strings.Replace(sampleINI, "design", tc.node, 1), 0o600)
			}
			r := &runner{answer: func(string, proc.Cmd) (string, int) { return tc.out, tc.exit }}
			in := open(t, dir, func(o *Options) { o.Runner = r })
			got, _, err := in.State(t.Context())
			if got != tc.want {
				t.Errorf("got %s, %v", got, err)
			}
			if as[*UnknownStatusError](err) != (tc.want == ServiceUnknown) || (tc.want != ServiceUnknown && err != nil) {
				t.Errorf("error %v", err)
			}
			if tc.want == ServiceUnknown && !strings.Contains(err.Error(), strings.Split(tc.out, "\n")[0]) {
				t.Errorf("the error does not show the output: %v", err)
			}
			if diff := cmp.Diff([]string{"dss status"}, r.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStateLines(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	setState(t, in, "junk line here\nbackend   RUNNING   pid 3611, uptime 22:17:33\nhproxy    STOPPED   Not started\n")
	_, lines, err := in.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []ProcessLine{
		{Name: "backend", State: "RUNNING", PID: 3611, Detail: "pid 3611, uptime 22:17:33"},
		{Name: "hproxy", State: "STOPPED", Detail: "Not started"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// A script that says it all on stderr and fails: a shell, really run.
func TestStateFromStderr(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dss"), "#!/bin/sh\necho 'backend   STOPPED' >&2\nexit 3\n", 0o755)
	got, _, err := open(t, dir, nil).State(t.Context())
	if got != ServiceStopped || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// The ways in which a script goes away with its kit. What it says then sounds like
// a DSS that is not running, and means nothing: processes tell.
func TestStateWithoutTheKit(t *testing.T) {
	for name, breakIt := range map[string]func(t *testing.T, script string){
		"removed": func(t *testing.T, script string) { must(t, os.Remove(script)) },
		"dangling link": func(t *testing.T, script string) {
			must(t, os.Remove(script))
			must(t, os.Symlink("/opt/dataiku-dss-14.4.1/scripts/dss", script))
		},
		"no interpreter": func(t *testing.T, script string) { write(t, script, "#!/opt/dataiku-dss/python\n", 0o755) },
		"sourced script": func(t *testing.T, script string) {
			write(t, script, "#!/bin/sh\n. /opt/dataiku-dss/scripts/dss\n", 0o755)
		},
		"126": func(t *testing.T, script string) { write(t, script, "#!/bin/sh\nexit 126\n", 0o755) },
		"127": func(t *testing.T, script string) {
			write(t, script, "#!/bin/sh\n/opt/dataiku-dss/scripts/dss status\n", 0o755)
		},
		"other words": func(t *testing.T, script string) { write(t, script, "#!/bin/sh\necho DSS is not running\n", 0o755) },
		"license": func(t *testing.T, script string) {
			write(t, script, "#!/bin/sh\necho 'ERROR: cannot connect to license server'\nexit 1\n", 0o755)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			in := open(t, dir, nil)
			breakIt(t, in.Path("bin/dss"))
			if _, err := Open(dir, in.o); err != nil && name != "removed" {
				t.Errorf("opened again: %v", err)
			}
			if got, _, err := in.State(t.Context()); got != ServiceStopped || err != nil {
				t.Errorf("with nothing that runs: got %s, %v", got, err)
			}
			startProcess(t, in, in.DataDir, "", "DIP_HOME="+in.DataDir)
			got, _, err := in.State(t.Context())
			if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), "processes of this data directory run") {
				t.Errorf("with a process: got %s, %v", got, err)
			}
			f, err := in.Facts(t.Context())
			if err != nil || f.Service != ServiceUnknown || !strings.Contains(f.ServiceNote, "end these processes") {
				t.Errorf("facts %+v, %v", f, err)
			}
			var edit *UnknownStatusError
			if err := in.EditSettings(t.Context(), func(d *jsonedit.Doc) error { return d.Set("/name", []byte(`"x"`)) }); !errors.As(err, &edit) {
				t.Errorf("an edit: %v", err)
			}
		})
	}
}

// A script that this account may not run has said nothing, and one that hangs
// hangs on something.
func TestStateThatCannotBeAsked(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dss"), "#!/bin/sh\n", 0o644)
	in := open(t, dir, nil)
	got, _, err := in.State(t.Context())
	if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), "may not be run") {
		t.Errorf("got %s, %v", got, err)
	}
	write(t, filepath.Join(dir, "bin/dss"), "#!/bin/sh\necho 'run/svd.sock: Permission denied'\nexit 1\n", 0o755)
	got, _, err = in.State(t.Context())
	if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), "not allowed to") {
		t.Errorf("got %s, %v", got, err)
	}
}

// hung answers like a command that its timeout ended.
type hung struct{}

func (hung) Run(context.Context, proc.Cmd) (proc.Result, error) {
	return proc.Result{ExitCode: -1}, &proc.ExitError{Cmd: "dss status", ExitCode: -1, Timeout: true}
}

// A supervisor that hangs must not keep a stop from going on to its end.
func TestStatusThatHangs(t *testing.T) {
	in := open(t, newDataDir(t), func(o *Options) { o.Runner = hung{} })
	got, _, err := in.State(t.Context())
	if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), "not ended") {
		t.Errorf("got %s, %v", got, err)
	}
}

// How a stopped DSS says so is nowhere written: words that fit nothing known
// mean stopped where nothing listens either, and are shown otherwise.
func TestUnknownWordsWhileThePortIsOpen(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "install.ini"), "[general]\nnodetype = design\n[server]\nport = "+port+"\n", 0o600)
	for _, out := range []string{"Everything is awesome\n", ""} {
		r := &runner{answer: func(string, proc.Cmd) (string, int) { return out, 0 }}
		in := open(t, dir, func(o *Options) { o.Runner = r })
		got, _, err := in.State(t.Context())
		if got != ServiceUnknown || !as[*UnknownStatusError](err) || !strings.Contains(err.Error(), "listens on port "+port) || !strings.Contains(err.Error(), strings.TrimSpace(out)) {
			t.Errorf("%q: got %s, %v", out, got, err)
		}
	}
}

// Silence while processes run is not taken for a stopped DSS.
func TestSilentStatusWithProcesses(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dss"), "#!/bin/sh\nexit 0\n", 0o755)
	in := open(t, dir, nil)
	startProcess(t, in, in.DataDir, "", "DIP_HOME="+in.DataDir)
	got, _, err := in.State(t.Context())
	if got != ServiceUnknown || !as[*UnknownStatusError](err) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEncryptPassword(t *testing.T) {
	const password = "s3cr3t pass'word"
	for name, tc := range map[string]struct {
		out  string
		exit int
		want string
	}{
		"plain":     {out: "e:AES:AbC+/=1\n", want: "e:AES:AbC+/=1"},
		"log lines": {out: "[INFO] loading\ne:AES:first\nEncrypted: 'e:AES:x-y_Z.1'\nbye\n", want: "e:AES:x-y_Z.1"},
		"no end":    {out: "e:AES:abc", want: "e:AES:abc"},
		"nothing":   {out: "ok\n"},
		"failure":   {out: "cannot encrypt " + password + "\n", exit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			r := &runner{answer: func(_ string, c proc.Cmd) (string, int) {
				if diff := cmp.Diff([]string{"encrypt-password", password}, c.Args); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff([]string{password}, c.Secrets); diff != "" {
					t.Error(diff)
				}
				return tc.out, tc.exit
			}}
			in := open(t, dir, func(o *Options) { o.Runner = r })
			got, err := in.EncryptPassword(t.Context(), password)
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "word'")) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestEncryptPasswordRefuses(t *testing.T) {
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "e:AES:x", 0 }}
	in := open(t, newDataDir(t), func(o *Options) { o.Runner = r })
	for _, bad := range []string{"", "e:AES:abc", "a\nb", "a\x00b"} {
		if _, err := in.EncryptPassword(t.Context(), bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if len(r.calls) != 0 {
		t.Errorf("called %v", r.calls)
	}
}

// A Govern node may have its own tool alone.
func TestEncryptPasswordOnGovern(t *testing.T) {
	dir := newDataDir(t)
	if err := os.Rename(filepath.Join(dir, "bin/dssadmin"), filepath.Join(dir, "bin/govern-admin")); err != nil {
		t.Fatal(err)
	}
	r := &runner{answer: func(string, proc.Cmd) (string, int) { return "e:AES:x\n", 0 }}
	in := open(t, dir, func(o *Options) { o.Runner = r })
	if got, err := in.EncryptPassword(t.Context(), "secret"); got != "e:AES:x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if diff := cmp.Diff([]string{"govern-admin encrypt-password secret"}, r.calls); diff != "" {
		t.Error(diff)
	}
}

// Short passwords cannot be cut out of a text: then there is no text.
func TestEncryptShortPassword(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dssadmin"), "#!/bin/sh\necho \"no: $2\" >&2\nexit 7\n", 0o755)
	_, err := open(t, dir, nil).EncryptPassword(t.Context(), "zq9")
	if err == nil || strings.Contains(err.Error(), "zq9") || !strings.Contains(err.Error(), "7") {
		t.Errorf("got %v", err)
	}
	var exit *proc.ExitError
	if errors.As(err, &exit) {
		t.Error("the command's own error can be reached")
	}
}

func TestCommandsRunInTheDataDir(t *testing.T) {
	t.Setenv("DSSCTL_VAR_password", "hidden")
	t.Setenv("LC_ALL", "C")
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "bin/dssadmin"), "#!/bin/sh\npwd\nenv\necho \"$@\"\n", 0o755)
	in := open(t, dir, nil)
	result, err := in.Dssadmin(t.Context(), "regenerate-config", "a b")
	if err != nil {
		t.Fatal(err)
	}
	out := string(result.Stdout)
	for _, want := range []string{in.DataDir + "\n", "DIP_HOME=" + in.DataDir + "\n", "LC_ALL=en_US.utf8\n", "regenerate-config a b\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the output", want)
		}
	}
	if strings.Contains(out, "DSSCTL_") {
		t.Error("dssctl's own variables were passed on")
	}
	if _, err := in.GovernAdmin(t.Context(), "init-db"); err == nil || !strings.Contains(err.Error(), "govern-admin") {
		t.Errorf("absent script: %v", err)
	}
}
