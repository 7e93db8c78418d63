package proc

import (
	"os"
	"os/exec"
)

// held waits for a line and then becomes the program. At the end of the pipe
// without one, whoever started it is dead, and it ends as well.
const held = `read -r word <&3 && exec "$0" "$@" 3<&-`

// hold has the command wait, once it is started, until begin is called. giveUp
// closes what is open, and ends a command that still waits.
func hold(cmd *exec.Cmd) (begin, giveUp func(), err error) {
	if cmd.Err == nil {
		_, cmd.Err = exec.LookPath(cmd.Path)
	}
	if cmd.Err != nil { // no such program
		return nil, nil, cmd.Err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Args = append([]string{"sh", "-c", held, cmd.Path}, cmd.Args[1:]...)
	cmd.Path, cmd.ExtraFiles = "/bin/sh", []*os.File{r}
	begin = func() {
		_, _ = w.WriteString("go\n") // one that is gone already needs none
		_ = w.Close()
	}
	giveUp = func() {
		_ = r.Close()
		_ = w.Close()
	}
	return begin, giveUp, nil
}
