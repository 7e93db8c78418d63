package dsskit

import (
	"fmt"
	"os/exec"
	"syscall"
)

// guard runs a shell script with args when this process dies without having called release: a test that is killed or
// runs into its time limit has no clean-up of its own. The script waits for the end of a pipe that this process holds.
func guard(script string, args ...string) (release func(), err error) {
	full := `read -r word; [ "$word" = done ] && exit 0` + "\n" + script
	cmd := exec.Command("sh", append([]string{"-c", full, "guard"}, args...)...)
	// Ctrl-C goes to a whole process group, and the guard has to see what comes after it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a guard: %w", err)
	}
	return func() {
		// A guard that is gone already has nothing left to be told.
		_, _ = pipe.Write([]byte("done\n"))
		_ = pipe.Close()
		_ = cmd.Wait()
	}, nil
}
