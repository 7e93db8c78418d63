package dss

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// Process is a process of this data directory.
type Process struct {
	proc.Process
	// Name is the program's, with the script's for an interpreter. The
	// arguments are left out: they may hold secrets.
	Name string
	// Why says where it names the data directory.
	Why string

	parent int
}

func (p Process) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.Name) }

func listProcesses(ps []Process) string {
	parts := make([]string, 0, len(ps))
	for i, p := range ps {
		if i == 20 {
			parts = append(parts, fmt.Sprintf("and %d more", len(ps)-i))
			break
		}
		parts = append(parts, p.String())
	}
	return strings.Join(parts, ", ")
}

// Processes returns the processes that run for exactly this data directory, in
// the order of their numbers: those of the instance's account that name it in
// their environment or working directory, or whose program lies in it. dssctl
// itself and what it was started from are not among them, and neither is who
// only looks there: what somebody runs at a terminal (an editor, a shell), and
// what has the folder among its arguments (a tail, a backup).
func (in *Instance) Processes() ([]Process, error) {
	entries, err := os.ReadDir(in.o.Proc)
	if err != nil {
		return nil, fmt.Errorf("look for processes of %s: %w", in.DataDir, err)
	}
	own := in.ownFamily()
	self, _ := os.Executable()
	var out []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || own.pids[pid] {
			continue
		}
		if !in.owns(e) {
			continue
		}
		if p, ok := in.lookAt(pid, own.group, self); ok {
			out = append(out, p)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out, nil
}

// owns reports whether a process is of the instance's account, and still there.
func (in *Instance) owns(e os.DirEntry) bool {
	info, err := e.Info()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == in.uid
}

// lookAt judges one process. Whatever cannot be read is gone or not ours.
func (in *Instance) lookAt(pid, ownGroup int, self string) (Process, bool) {
	dir := filepath.Join(in.o.Proc, strconv.Itoa(pid))
	st, err := readStat(dir)
	if err != nil || st.state == "Z" || st.state == "X" || st.group == ownGroup {
		return Process{}, false
	}
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil && self != "" && exe == self {
		return Process{}, false // another dssctl
	}
	cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
	cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
	why := ""
	switch {
	case in.namedInEnvironment(environ):
		why = "environment"
	case st.terminal:
		return Process{}, false
	case in.runsFrom(cmdline):
		why = "program"
	case in.namedIn(cwd):
		why = "working directory"
	default:
		return Process{}, false
	}
	p := Process{Process: procOf(pid, st), Name: programName(cmdline, st.name), Why: why, parent: st.parent}
	// What was read belongs together only if it is the same process still.
	again, err := readStat(dir)
	return p, err == nil && again.ticks == st.ticks
}

// interpreters run the script that is their first argument.
var interpreters = lazyregexp.New(`^(env|sh|bash|dash|ksh|zsh|perl|ruby|node|python[0-9.]*)$`)

// runsFrom reports whether the program, the script of an interpreter, or a Java
// system property lies in the data directory.
func (in *Instance) runsFrom(cmdline []byte) bool {
	argv := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	if in.namedIn(argv[0]) {
		return true
	}
	if len(argv) > 1 && interpreters.MatchString(filepath.Base(argv[0])) && in.namedIn(argv[1]) {
		return true
	}
	// A Java program is told by its system properties.
	return slices.ContainsFunc(argv[1:], func(a string) bool { return strings.HasPrefix(a, "-D") && in.namedIn(a) })
}

// namedInEnvironment leaves out where a shell happened to stand, and the variable
// with which the public container image names the data directory to every
// process of the container.
func (in *Instance) namedInEnvironment(environ []byte) bool {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		name, value, _ := strings.Cut(string(v), "=")
		switch name {
		case "PWD", "OLDPWD", "_", "DSS_DATADIR":
			continue
		}
		if in.namedIn(value) {
			return true
		}
	}
	return false
}

// programName is "java", or "bash dss" for a script.
func programName(cmdline []byte, short string) string {
	argv := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	if argv[0] == "" {
		return short
	}
	name := filepath.Base(argv[0])
	if len(argv) > 1 && filepath.IsAbs(argv[1]) {
		name += " " + filepath.Base(argv[1])
	}
	return name
}
