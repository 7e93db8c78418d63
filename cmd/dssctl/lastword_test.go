package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/view"
)

// inWindow starts a command that comes to a standstill in its window, at the
// command of DSS that is marked slow.
func (q *quick) inWindow(at string, args ...string) (*exec.Cmd, func() outcome) {
	q.t.Helper()
	q.unmark("started-" + at)
	q.mark("slow-" + at)
	cmd, wait := start(q.t, q.dir, q.env, args...)
	waitFor(q.t, "the window", q.marked("started-"+at))
	return cmd, wait
}

// told checks that DSS is down, that the command's last lines and `status` say how
// to start it, and returns the command of dssctl among them.
func (q *quick) told(o outcome) []string {
	q.t.Helper()
	if q.up() {
		q.t.Fatalf("DSS is up\n%s", o)
	}
	words, start := howToStart(q.t, o.stderr)
	again, _ := howToStart(q.t, q.run("status").must(q.t, 0).stdout)
	var rows []view.StatusRow
	q.ok(json.Unmarshal([]byte(q.run("status", "-json").must(q.t, 0).stdout), &rows))
	if strings.Join(again, " ") != strings.Join(words, " ") || rows[0].Down == nil || rows[0].Down.Instances[0].Start != start {
		q.t.Fatalf("status says %v and %+v, and the command said %v, %q", again, rows[0].Down, words, start)
	}
	return words
}

// The command that is told has what it needs, and no value of a variable that is
// not written down anywhere else.
func TestLastWordNamesVariables(t *testing.T) {
	w := &world{chdir: "/srv/estate", varFlags: varOptions{vars: []string{"password=hidden", "env=prod"}, files: []string{"more vars.json"}}}
	p := &plan.Plan{Variables: map[string]json.RawMessage{"env": json.RawMessage(`"prod"`)}}
	want := "--chdir=/srv/estate '--var-file=more vars.json' --var=password=..."
	if got := proc.CommandLine(w.again(p)...); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// A command that leaves DSS down tells, as its last lines, the command that starts
// DSS, and so does `status`; and that command does it.
func TestLastWord(t *testing.T) {
	t.Parallel()
	q := newQuick(t, "")
	back := q.keep("fresh")
	startsAgain := func(o outcome) {
		t.Helper()
		q.run(q.told(o)...).must(t, 0)
		if !q.up() || q.open() {
			t.Fatalf("what it told has not started DSS: up %v, %+v\nit told %s", q.up(), q.newest(), o)
		}
		if o := q.run("status"); strings.Contains(o.stdout, "DSS is down") {
			t.Errorf("status: %s", o)
		}
		back()
	}

	// A second signal means: out, now.
	cmd, wait := q.inWindow("regenerate-config", apply...)
	for range 2 {
		q.ok(cmd.Process.Signal(syscall.SIGTERM))
		time.Sleep(200 * time.Millisecond)
	}
	aborted := wait().must(t, 4)
	q.unmark("slow-regenerate-config")
	q.told(aborted)
	// So does a command that is refused because of it.
	q.told(q.run(apply...).must(t, 5))
	// And a plain start works as well: then nothing is down any more.
	_, plain := howToStart(t, aborted.stderr)
	if out, err := exec.Command("/bin/sh", "-c", plain).CombinedOutput(); err != nil || !q.up() {
		t.Fatalf("%s: %v, %s", plain, err, out)
	}
	if o := q.run("status").must(t, 0); strings.Contains(o.stdout, "DSS is down") {
		t.Errorf("it was started by hand: %s", o)
	}
	q.unmark("up")
	startsAgain(aborted)

	// What fails is to stay as it is.
	q.mark("fail-regenerate-config")
	stopped := q.run(append(apply, "-on-failure", "stop")...).must(t, 4)
	q.unmark("fail-regenerate-config")
	startsAgain(stopped)

	// DSS does not start, neither with the change nor without. Whoever tries again
	// hears it again, in the JSON stream's company as well.
	q.mark("fail-start")
	failed := q.run(append(apply, "-json")...).must(t, 4)
	q.told(failed)
	if !strings.Contains(failed.stderr, "run "+q.newest().ID+" stays open") {
		t.Errorf("the run is not named: %s", failed.stderr)
	}
	q.told(q.run("recover").must(t, 4))
	o := q.run("recover", "-rollback").must(t, 4)
	q.unmark("fail-start")
	startsAgain(o)

	// A rollback of a finished run.
	q.run(apply...).must(t, 0)
	q.mark("fail-start")
	o = q.run("rollback", q.newest().ID, "-auto-approve").must(t, 4)
	q.unmark("fail-start")
	startsAgain(o)

	// From elsewhere, the command says where the estate is.
	q.mark("fail-regenerate-config")
	o = dssctl(t, q.root, nil, "-chdir=estate", "apply", "-auto-approve", "-on-failure", "stop").must(t, 4)
	q.unmark("fail-regenerate-config")
	words, _ := howToStart(t, o.stderr)
	dssctl(t, "/", nil, words...).must(t, 0)
	if !q.up() {
		t.Errorf("dssctl %v has not started DSS", words)
	}
}

// killGroup ends a job as CI systems do.
func killGroup(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// Who kills a run with everything around it does not kill its guard, which waits
// for the command that was at work, leaves a log, and is found in `show`.
func TestGuard(t *testing.T) {
	t.Parallel()
	q := newQuick(t, "")
	back := q.keep("fresh")
	for _, c := range []struct{ name, at string }{{"its group", "regenerate-config"}, {"at the start", "start"}, {"at the stop", "stop"}} {
		q.unmark("started-" + c.at)
		q.mark("slow-" + c.at)
		cmd, _ := command(t, q.dir, []string{"DSSCTL_ARGS_apply=-lock-timeout=1s", "RUNNER_TRACKING_ID=x"}, apply...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		q.ok(cmd.Start())
		waitFor(t, "the window", q.marked("started-"+c.at))
		guards := q.guards()
		if len(guards) != 1 {
			t.Fatalf("%s: guards %v", c.name, guards)
		}
		environ, err := os.ReadFile("/proc/" + guards[0] + "/environ")
		q.ok(err)
		if strings.Contains(string(environ), "RUNNER_TRACKING_ID") {
			t.Errorf("%s: a CI system finds the guard by its environment", c.name)
		}
		status, err := os.ReadFile("/proc/" + guards[0] + "/status")
		q.ok(err)
		if strings.Contains(string(status), fmt.Sprintf("PPid:\t%d\n", cmd.Process.Pid)) {
			t.Errorf("%s: it is found as a child of the one that is killed", c.name)
		}
		pid, err := strconv.Atoi(guards[0])
		q.ok(err)
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
			q.ok(syscall.Kill(pid, s)) // what is sent to everything before it is killed
		}
		killGroup(t, cmd)
		_ = cmd.Wait()
		time.Sleep(100 * time.Millisecond)
		q.unmark("slow-" + c.at)
		q.quiet()
		if !q.up() || q.open() {
			t.Fatalf("%s: up %v, run %+v\n%s", c.name, q.up(), q.newest(), q.log())
		}
		if o := q.run("show").must(t, 0); !strings.Contains(o.stdout, "guard.log") || !strings.Contains(q.log(), "was killed: undoing it, so that DSS runs again") {
			t.Errorf("%s: show says %s\nthe log %s", c.name, o, q.log())
		}
		if info, err := os.Stat(filepath.Join(q.dir, ".dssctl", "runs", q.newest().ID, "guard.log")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the log: %v, %v", info, err)
		}
		back()
	}

	// DSS does not start: the guard's log and `status` say how.
	cmd, wait := q.inWindow("regenerate-config", apply...)
	q.mark("fail-start")
	q.ok(cmd.Process.Kill())
	q.unmark("slow-regenerate-config")
	wait()
	q.quiet()
	q.unmark("fail-start")
	if q.up() || !q.open() {
		t.Fatalf("up %v, %+v\n%s", q.up(), q.newest(), q.log())
	}
	fromLog, _ := howToStart(t, q.log())
	inStatus, _ := howToStart(t, q.run("status").must(t, 0).stdout)
	if !strings.Contains(strings.Join(fromLog, " "), strings.Join(inStatus, " ")) {
		t.Errorf("the log says %v, status %v", fromLog, inStatus)
	}
	dssctl(t, "/", nil, fromLog...).must(t, 0)
	if !q.up() || q.open() {
		t.Fatalf("dssctl %v: up %v, %+v", fromLog, q.up(), q.newest())
	}
	back()

	// Where everything is to stay as it is, there is no guard.
	cmd, wait = q.inWindow("regenerate-config", append(apply, "-on-failure", "stop")...)
	if g := q.guards(); len(g) > 0 {
		t.Errorf("guards %v", g)
	}
	q.ok(cmd.Process.Kill())
	q.unmark("slow-regenerate-config")
	wait()
	words, _ := howToStart(t, q.run("status").must(t, 0).stdout)
	q.run(words...).must(t, 0)
	back()

	// A person is as fast as the guard: one of them closes the run, the other one
	// gives way, and DSS is up.
	for i := range 3 {
		cmd, wait = q.inWindow("regenerate-config", apply...)
		q.ok(cmd.Process.Kill())
		wait()
		q.unmark("slow-regenerate-config")
		time.Sleep(time.Duration(i) * 30 * time.Millisecond)
		o := q.run("recover", "-rollback")
		q.quiet()
		if o.code != 0 && o.code != 11 || !q.up() || q.open() {
			t.Fatalf("recover ends with %s\nup %v, %+v\n%s", o, q.up(), q.newest(), q.log())
		}
		back()
	}

	// Killed in the recovery of a person, too: its own guard does it, once.
	q.broken()
	cmd, wait = q.inWindow("regenerate-config", "recover", "-resume")
	q.ok(cmd.Process.Kill())
	q.unmark("slow-regenerate-config")
	wait()
	q.quiet()
	if !q.up() || q.open() {
		t.Fatalf("up %v, %+v\n%s", q.up(), q.newest(), q.log())
	}
}

// Someone who aborts a recovery wants it as it is: the guard of the run that was
// killed before keeps out of it.
func TestGuardGivesWay(t *testing.T) {
	t.Parallel()
	q := newQuick(t, "")
	cmd, wait := q.inWindow("regenerate-config", apply...)
	guards := q.guards()
	pid, err := strconv.Atoi(strings.Join(guards, ""))
	q.ok(err)
	q.ok(syscall.Kill(pid, syscall.SIGSTOP)) // a slow machine
	q.ok(cmd.Process.Kill())
	q.unmark("slow-regenerate-config")
	wait()
	// Only what has begun to look can be overtaken.
	lock, err := os.OpenFile(filepath.Join(q.dir, ".dssctl", "lock"), os.O_RDWR, 0)
	q.ok(err)
	q.ok(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	q.ok(syscall.Kill(pid, syscall.SIGCONT))
	waitFor(t, "the guard's look", func() bool { return strings.Contains(q.log(), "was killed") })
	waitFor(t, "the guard to wait", func() bool { return strings.Contains(q.log(), "Waiting for") })
	q.ok(syscall.Kill(pid, syscall.SIGSTOP))
	q.ok(lock.Close())
	q.mark("fail-start")
	q.run("recover", "-rollback").must(t, 4)
	q.unmark("fail-start")
	q.ok(syscall.Kill(pid, syscall.SIGCONT))
	q.quiet()
	if q.up() || !strings.Contains(q.log(), "somebody else has taken the run on") {
		t.Errorf("up %v\n%s", q.up(), q.log())
	}
}

// A terminal that goes away in a window: the run ends in a clean place.
func TestTerminalGoesAway(t *testing.T) {
	t.Parallel()
	q := newQuick(t, "")
	q.mark("slow-regenerate-config")
	cmd, _ := command(t, q.dir, []string{"TERM=xterm"}, apply...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
	q.ok(err)
	waitFor(t, "the window", q.marked("started-regenerate-config"))
	q.ok(tty.Close())
	q.ok(cmd.Process.Signal(syscall.SIGHUP)) // and the shell passes it on
	time.Sleep(100 * time.Millisecond)
	q.unmark("slow-regenerate-config")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 || !q.up() || q.open() {
		t.Errorf("it ends with %d, up %v, run %+v", code, q.up(), q.newest())
	}
	// With nohup it is not even asked.
	back := q.keep("again")
	q.unmark("started-regenerate-config")
	q.mark("slow-regenerate-config")
	cmd, _ = command(t, q.dir, nil, "-auto-approve")
	cmd = exec.Command("nohup", append([]string{cmd.Path}, apply...)...)
	cmd.Dir, cmd.Env = q.dir, append(os.Environ(), asDssctl+"=")
	q.ok(cmd.Start())
	waitFor(t, "the window", q.marked("started-regenerate-config"))
	q.ok(cmd.Process.Signal(syscall.SIGHUP))
	time.Sleep(100 * time.Millisecond)
	q.unmark("slow-regenerate-config")
	if err := cmd.Wait(); err != nil || !q.up() || q.newest().Status != "done" {
		t.Errorf("nohup: %v, up %v, run %+v", err, q.up(), q.newest())
	}
	back()
}

// Output that nobody takes is lost, not DSS: a reader that goes away, a disk that
// is full, descriptors that are closed from the begin, a reader that does not read.
func TestOutputThatNobodyTakes(t *testing.T) {
	t.Parallel()
	q := newQuick(t, "")
	back := q.keep("fresh")
	self, err := os.Executable()
	q.ok(err)
	shell := func(script string) (string, int) {
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir, cmd.Env = q.dir, append(os.Environ(), asDssctl+"=", "DSSCTL="+self)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		script string
		code   int
		done   bool
		says   string // "" for nothing of it
	}{
		{`"$DSSCTL" apply -auto-approve | head -1 >&2; exit ${PIPESTATUS[0]}`, 0, true, "update"},
		{`"$DSSCTL" apply -auto-approve -json | head -1; exit ${PIPESTATUS[0]}`, 0, true, "version"},
		{`"$DSSCTL" apply -auto-approve 2>&1 | true; exit ${PIPESTATUS[0]}`, 0, true, ""},
		{`exec "$DSSCTL" apply -auto-approve <&- >&- 2>&-`, 0, true, ""},
		{`exec "$DSSCTL" apply -auto-approve -json </dev/null >/dev/full 2>/dev/full`, 0, true, ""},
		{`exec "$DSSCTL" apply -auto-approve -json-into >(head -1) >&-`, 0, true, "version"},
		// Nothing was begun yet: a pipeline that cannot read of it must not have it.
		{`exec "$DSSCTL" apply -auto-approve -json-into /dev/full >/dev/null`, 1, false, "write the file of --json-into"},
		{`"$DSSCTL" plan | head -1; exit ${PIPESTATUS[0]}`, 0, false, "update"},
		{`"$DSSCTL" plan -detailed-exitcode | true; exit ${PIPESTATUS[0]}`, 2, false, ""},
		{`exec "$DSSCTL" plan >/dev/full`, 1, false, "write standard output: write /dev/stdout: no space left"},
		{`exec "$DSSCTL" plan -detailed-exitcode >/dev/full`, 1, false, "no space left"},
		{`"$DSSCTL" help | head -1; exit ${PIPESTATUS[0]}`, 0, false, "dssctl"},
	} {
		out, code := shell(c.script)
		if code != c.code || !q.up() || q.open() || (q.newest().Status == "done") != c.done {
			t.Errorf("%s\nends with %d, up %v, run %+v\n%s", c.script, code, q.up(), q.newest(), out)
		}
		if !strings.Contains(out, c.says) || c.says == "" && out != "" || strings.Contains(out, "broken pipe") {
			t.Errorf("%s\nsays %s", c.script, out)
		}
		if q.newest().ID != "" {
			back()
		}
	}

	// A reader that does not read, such as a pager that nobody scrolls: the run
	// comes to its end without it.
	r, w, err := os.Pipe()
	q.ok(err)
	defer r.Close()
	cmd, _ := command(t, q.dir, nil, append(apply, "-json")...)
	cmd.Stdout = w
	const size = 4096
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_SETPIPE_SZ, size); errno != 0 {
		t.Fatal(errno)
	}
	q.ok(cmd.Start())
	w.Close()
	_, err = r.Read(make([]byte, size)) // the plan is longer
	q.ok(err)
	for _, text := range []string{"run_start"} {
		waitForText(t, r, text)
	}
	waitFor(t, "the end of the run", func() bool { return q.newest().Status == "done" && q.up() })
	rest := make(chan int, 1)
	go func() {
		n := 0
		b := make([]byte, size)
		for {
			k, err := r.Read(b)
			n += k
			if err != nil {
				rest <- n
				return
			}
		}
	}()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if n := <-rest; n <= size {
		t.Errorf("only %d bytes were left to read: nothing was held back", n)
	}
}

// waitForText reads until the text comes.
func waitForText(t *testing.T, r *os.File, text string) {
	t.Helper()
	got, b := "", make([]byte, 512)
	for !strings.Contains(got, text) {
		n, err := r.Read(b)
		if err != nil {
			t.Fatal(fmt.Errorf("%w; got %s", err, got))
		}
		got += string(b[:n])
	}
}
