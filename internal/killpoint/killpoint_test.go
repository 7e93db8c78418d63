package killpoint

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child has the test binary change a few things, in this order.
const child = "KILLPOINT_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(child); dir != "" {
		if err := change(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(7)
	}
	os.Exit(m.Run())
}

func change(dir string) error {
	file := filepath.Join(dir, "file")
	conn, err := net.Dial("tcp", os.Getenv("KILLPOINT_PEER"))
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { _, err := f.WriteString("hello"); return err },
		f.Close,
		func() error { return os.Chmod(file, 0o600) },
		func() error { return os.Rename(file, file+"2") },
		func() error { return os.Mkdir(filepath.Join(dir, "folder"), 0o700) },
		func() error { _, err := os.ReadFile(file + "2"); return err },
		func() error { _, err := fmt.Println("own output"); return err },
		func() error { _, err := io.WriteString(conn, "Q\x00\x00\x00\x0fSELECT 1\x00"); return err },
		func() error { _, err := io.WriteString(conn, "Q\x00\x00\x00\x11DROP  TABLE a\x00"); return err },
		func() error { return exec.Command("touch", filepath.Join(dir, "touched")).Run() },
		func() error { return os.Remove(file + "2") },
	}
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

// start runs the child until fate says otherwise; it tells how far it came.
func start(t *testing.T, fate func(Point) Fate) (dir string, code int, killed bool) {
	t.Helper()
	dir = t.TempDir()
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	go func() {
		if conn, err := peer.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	status, err := Run(Cmd{
		Path: self, Env: append(os.Environ(), child+"="+dir, "KILLPOINT_PEER="+peer.Addr().String()), Output: [2]*os.File{out, out},
	}, fate)
	if errors.Is(err, ErrNotAllowed) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, status.ExitStatus(), status.Signaled()
}

// points lists what the child changes.
func points(t *testing.T) []string {
	t.Helper()
	var all []string
	dir, code, killed := start(t, func(p Point) Fate {
		if n := len(all); n == 0 || all[n-1] != p.String() { // Go starts a first process to try how
			all = append(all, p.String())
		}
		return Live
	})
	if code != 7 || killed {
		t.Fatalf("undisturbed, it ended with %d, killed %v", code, killed)
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], dir, "DIR")
	}
	return all
}

func TestPointsAreWhatIsChanged(t *testing.T) {
	got := strings.Join(points(t), "\n")
	want := strings.Join([]string{
		"create DIR/file", "write DIR/file", "chmod DIR/file", "rename DIR/file2", "mkdir DIR/folder",
		"send DROP TABLE a", "start ", "remove DIR/file2",
	}, "\n")
	if !strings.HasSuffix(got, want) {
		t.Errorf("the points are\n%s\nwant at the end\n%s", got, want)
	}
}

// Killed ahead of a call, everything before it is done and the call is not.
func TestKilledAheadOfTheCall(t *testing.T) {
	there := func(dir, name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	for _, c := range []struct{ call, done, open string }{
		{"create", "", "file"}, {"rename", "file", "file2"}, {"mkdir", "file2", "folder"}, {"start", "folder", "touched"}, {"remove", "touched", ""},
	} {
		dir, _, killed := start(t, func(p Point) Fate {
			if p.Call == c.call && !strings.Contains(p.What, "go-build") {
				return Die
			}
			return Live
		})
		if !killed {
			t.Errorf("%s: not killed", c.call)
		}
		if c.done != "" && !there(dir, c.done) {
			t.Errorf("killed ahead of %s, %s is not there", c.call, c.done)
		}
		if c.open != "" && there(dir, c.open) {
			t.Errorf("killed ahead of %s, %s is there", c.call, c.open)
		}
	}
}

// With Sessions, what the program has started in another session dies with it, and
// without it lives on.
func TestSessionsDieToo(t *testing.T) {
	for _, die := range []bool{true, false} {
		dir := t.TempDir()
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		const script = `cd "$0"
setsid sh -c 'echo $$ >ready; exec sleep 1000' &
while [ ! -s ready ]; do sleep 0.01; done
: >last`
		status, err := Run(Cmd{
			Path: "/bin/sh", Args: []string{"-c", script, dir}, Env: os.Environ(), Output: [2]*os.File{out, out}, Sessions: die,
		}, func(p Point) Fate {
			if p.Call == "create" && filepath.Base(p.What) == "last" {
				return Die
			}
			return Live
		})
		if errors.Is(err, ErrNotAllowed) {
			t.Skip(err)
		}
		if err != nil || !status.Signaled() {
			t.Fatalf("%v, %v", status, err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "ready"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		lives := func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err == nil && !strings.Contains(string(stat), ") Z ")
		}
		for range 500 {
			if lives() != die {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if lives() == die {
			t.Errorf("Sessions %v: it lives: %v", die, lives())
		}
		if !die {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
}
