package dss

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dssctl/dssctl/internal/proc"
)

// startProcess starts a process of the instance's account in a session of its
// own, as a daemon is; it is ended with the test.
func startProcess(t *testing.T, in *Instance, cwd, arg string, env ...string) *exec.Cmd {
	t.Helper()
	return startScript(t, in, cwd, "echo up; read x", arg, env...)
}

func startScript(t *testing.T, in *Instance, cwd, script, arg string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script, "sh", arg)
	cmd.Dir, cmd.Env = cwd, append([]string{"PATH=/usr/bin:/bin"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		// t.TempDir's folders let only their owner in.
		for dir := filepath.Dir(in.DataDir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(in.uid), Gid: uint32(in.uid)}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		<-ended
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	// Reaped at once, so that an ended one does not stay as a zombie.
	go func() { defer close(ended); _ = cmd.Wait() }()
	return cmd
}

func TestProcesses(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	sibling := in.DataDir + "2"
	for _, dir := range []string{sibling, in.DataDir + "/run"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine := map[int]string{}
	mine[startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir).Process.Pid] = "environment"
	mine[startProcess(t, in, "/", "-Dhome="+in.DataDir+"/lib").Process.Pid] = "program"
	mine[startProcess(t, in, in.DataDir+"/run", "").Process.Pid] = "working directory"
	startProcess(t, in, "/", sibling, "DIP_HOME="+sibling)
	startProcess(t, in, sibling, "/x"+in.DataDir)
	startProcess(t, in, "/", in.DataDir+"/run/backend.log") // a tail, a backup
	startProcess(t, in, "/", "", "PWD="+in.DataDir, "OLDPWD="+in.DataDir)
	got, err := in.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range got {
		if mine[p.PID] != p.Why {
			t.Errorf("found %+v", p)
		}
		if !strings.HasPrefix(p.Name, "sh") || p.BootID == "" && p.StartTicks == 0 {
			t.Errorf("described as %+v", p)
		}
		delete(mine, p.PID)
	}
	if len(mine) > 0 {
		t.Errorf("not found: %v", mine)
	}
}

// The test's own process names the folder in its environment, its parent might.
func TestProcessesLeaveOutDssctl(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	t.Chdir(in.DataDir)
	got, err := in.Processes()
	if err != nil || len(got) > 0 {
		t.Errorf("found %v, %v", got, err)
	}
}

func TestProcessesOfOthersAreLeftOut(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir)
	other := *in
	other.uid += 17
	got, err := other.Processes()
	if err != nil || len(got) > 0 {
		t.Errorf("found %v, %v", got, err)
	}
}

func TestKillProcesses(t *testing.T) {
	clock := newHandClock()
	in := open(t, newDataDir(t), nil)
	soft := startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir)
	bystander := startProcess(t, in, "/", "", "DIP_HOME="+in.DataDir+"2")
	hard := startScript(t, in, "/", "trap '' TERM; echo up; read x; read x", "", "DIP_HOME="+in.DataDir)
	in.o.Clock = clock
	killed, err := in.KillProcesses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(killed) != 2 {
		t.Errorf("killed %v", killed)
	}
	for _, cmd := range []*exec.Cmd{soft, hard} {
		if runs(cmd.Process.Pid) {
			t.Errorf("%d still runs", cmd.Process.Pid)
		}
	}
	if !runs(bystander.Process.Pid) {
		t.Error("a sibling's process was ended")
	}
}

func runs(pid int) bool {
	st, err := readStat(filepath.Join("/proc", itoa(pid)))
	return err == nil && st.state != "Z"
}

func TestNames(t *testing.T) {
	for text, want := range map[string]bool{
		"/data/dss": true, "-d /data/dss": true, "X=/data/dss/bin": true, "'/data/dss'": true, "a:/data/dss:b": true,
		"file:///data/dss/x": true, "/data/dss2": false, "/data/dss-old": false, "/mnt/data/dss": false, "/data/dss.bak/x": false,
		"/data/dss2 /data/dss": true, "xdata/dss": false, "": false, "/data/ds": false, "[/data/dss]": true, "/data/dss\x00": true,
	} {
		if got := names(text, "/data/dss"); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestProgramName(t *testing.T) {
	for cmdline, want := range map[string]string{
		"/usr/bin/java\x00-Xmx4g\x00-Dpassword=x\x00": "java", "/bin/bash\x00/data/dss/bin/dss\x00run\x00": "bash dss", "": "kworker",
	} {
		if got := programName([]byte(cmdline), "kworker"); got != want {
			t.Errorf("%q: got %q", cmdline, got)
		}
	}
}

var _ proc.Runner = (*runner)(nil)
