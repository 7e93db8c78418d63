package release

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// running counts the processes that have a path below the folder in their
// command line or their working directory. Only those that this account may see
// are told.
func running(dir string) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, fmt.Errorf("look for processes that use %s: %w", dir, err)
	}
	n, below := 0, []byte(dir+"/")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// One that ended meanwhile uses nothing.
		raw, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if bytes.Contains(raw, below) || cwd == dir || within(cwd, dir) && cwd != "" {
			n++
		}
	}
	return n, nil
}

// owned reports whether a path belongs to this account.
func owned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
