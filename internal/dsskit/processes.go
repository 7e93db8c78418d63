package dsskit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Kill ends every process of this data directory at once, and no other. DSS gets no chance to close its databases.
func (i *Instance) Kill() error {
	// A process ends when what it has told the disk is done.
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		pids := i.pids()
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d of %s: %w", pid, i.DataDir, err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("processes of %s do not end: %v", i.DataDir, i.pids())
}

// Guard makes the processes of this data directory end when this process dies before it came to Close.
func (i *Instance) Guard() (err error) {
	i.unguard, err = guard(`for p in /proc/[0-9]*; do
		grep -qzxF "DIP_HOME=$1" "$p/environ" 2>/dev/null && kill -KILL "${p#/proc/}"
	done`, i.DataDir)
	return err
}

// Close ends the instance's processes and removes its data directory.
func (i *Instance) Close() error {
	err := i.Kill()
	if i.unguard != nil {
		i.unguard()
		i.unguard = nil
	}
	return errors.Join(err, os.RemoveAll(i.DataDir))
}

// Alive counts the living processes of this data directory, whatever its own commands say of them.
func (i *Instance) Alive() int {
	return len(i.pids())
}

// pids lists the living processes of this data directory: those that the kit's scripts gave its path in DIP_HOME, and
// the commands in its bin/ that have not come so far.
func (i *Instance) pids() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if i.owns(pid) && !zombie(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (i *Instance) owns(pid int) bool {
	words := func(file string) [][]byte {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
		if err != nil {
			return nil
		}
		return bytes.Split(text, []byte{0})
	}
	for _, w := range words("environ") {
		if string(w) == "DIP_HOME="+i.DataDir {
			return true
		}
	}
	args := words("cmdline")
	if len(args) < 2 || !slices.Contains([]string{"bash", "sh"}, filepath.Base(string(args[0]))) {
		return false
	}
	return filepath.Dir(string(args[1])) == filepath.Join(i.DataDir, "bin")
}

func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	after := bytes.LastIndexByte(text, ')')
	return after+2 < len(text) && text[after+2] == 'Z'
}
