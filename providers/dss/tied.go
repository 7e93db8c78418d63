package dss

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/proc"
)

// TiedError says that a stop of DSS would end more than DSS: its container, or
// dssctl itself.
type TiedError struct {
	Why    string // what ties them
	Remedy string
}

func (e *TiedError) Error() string { return e.Why + ". " + e.Remedy }

const (
	containerRemedy = "Leave this DSS running and change the instance from a container that does not end with it: stop this one, start one of the same image and volumes whose command is an idle process (such as `sleep infinity`), run dssctl there, and start the former one again"
	outsideRemedy   = "Run dssctl from a login, a timer or a pipeline that DSS does not start"
)

// Tied looks at what a stop of DSS would end beside DSS. The error is a
// *TiedError where that is a container whose first process is DSS, or waits for
// it, or dssctl itself.
func (in *Instance) Tied(ctx context.Context) error {
	all, err := in.everyProcess()
	if err != nil {
		return err
	}
	if p, tied := in.under(ctx, all); tied {
		return &TiedError{
			Why:    fmt.Sprintf("dssctl was started by this DSS itself (below its process %s), and would end with it, half-way", p),
			Remedy: outsideRemedy,
		}
	}
	if groups := in.ownUnits(); len(groups) > 0 { // asking for the unit costs more
		if unit, err := in.Unit(ctx); err == nil && slices.Contains(groups, unit) {
			return &TiedError{
				Why:    fmt.Sprintf("dssctl runs inside the boot unit %s of this DSS, whose stop ends everything in it", unit),
				Remedy: outsideRemedy,
			}
		}
	}
	for _, root := range roots(all) {
		init, first := in.waitedForByInit(root)
		switch here := in.sameSpace(root.PID); {
		case first && init == root.PID:
			return &TiedError{Why: fmt.Sprintf("DSS is the first process of its container (%s): its stop ends the container, and whatever runs in it", root), Remedy: containerRemedy}
		case first:
			return &TiedError{Why: fmt.Sprintf("the first process of the container (%d) waits for DSS (%s): its stop ends the container, and whatever runs in it", init, root), Remedy: containerRemedy}
		case !here:
			return &TiedError{
				Why:    fmt.Sprintf("DSS runs in another container than dssctl (process %s is in another process namespace): started from here, it would run outside of it", root),
				Remedy: "Run dssctl in the container of DSS",
			}
		}
	}
	return nil
}

// everyProcess are the processes of the data directory with what dssctl was
// started from among them. Only the account's own are.
func (in *Instance) everyProcess() (map[int]Process, error) {
	entries, err := os.ReadDir(in.o.Proc)
	if err != nil {
		return nil, fmt.Errorf("look for processes of %s: %w", in.DataDir, err)
	}
	self, _ := os.Executable()
	out := map[int]Process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !in.owns(e) {
			continue
		}
		if p, ok := in.lookAt(pid, -1, self); ok {
			out[pid] = p
		}
	}
	return out, nil
}

// roots are those that none of the others has started.
func roots(all map[int]Process) []Process {
	var out []Process
	for _, p := range all {
		if _, below := all[p.parent]; !below {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Process) int { return a.PID - b.PID })
	return out
}

// under finds the process of DSS that dssctl was started from. That an ancestor has the
// data directory in its environment is not enough, a profile may set it: it has to
// be one that the supervisor lists, or a program without a terminal that is about
// the data directory.
func (in *Instance) under(ctx context.Context, all map[int]Process) (Process, bool) {
	for pid := range in.ownFamily().pids {
		p, ours := all[pid]
		if !ours {
			continue
		}
		dir := filepath.Join(in.o.Proc, strconv.Itoa(pid))
		st, err := readStat(dir)
		if err != nil {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if !st.terminal && in.namedIn(string(cmdline)) {
			return p, true
		}
		_, lines, _ := in.State(ctx) // what cannot be told lists nobody
		if slices.ContainsFunc(lines, func(l ProcessLine) bool { return l.PID == pid }) {
			return p, true
		}
	}
	return Process{}, false
}

func procOf(pid int, st procStat) proc.Process {
	return proc.Process{PID: pid, StartTicks: st.ticks, BootID: bootID()}
}

// ownUnits are the services in whose control group dssctl is, however it came
// there: systemd ends all of it.
func (in *Instance) ownUnits() (out []string) {
	groups, err := os.ReadFile(filepath.Join(in.o.Proc, "self", "cgroup"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(groups)) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if strings.HasSuffix(part, ".service") {
				out = append(out, part)
			}
		}
	}
	return out
}

// waitedForByInit finds the first process of the container that p runs in, and
// reports whether it is p, or has p running in its foreground: in its session, with
// nothing between them that has left it. A DSS that was started in the background
// has a session of its own.
func (in *Instance) waitedForByInit(p Process) (init int, first bool) {
	session, pid := 0, p.PID
	for seen := map[int]bool{}; pid > 0 && !seen[pid]; {
		seen[pid] = true
		st, err := readStat(filepath.Join(in.o.Proc, strconv.Itoa(pid)))
		if err != nil || len(seen) > 1 && st.session != session {
			return 0, false
		}
		session = st.session // 0 is one that is led from outside of what is seen here
		if in.innermost(pid) == 1 {
			return pid, true
		}
		pid = st.parent
	}
	return 0, false
}

// innermost is the process's number in its own namespace.
func (in *Instance) innermost(pid int) int {
	text, err := os.ReadFile(filepath.Join(in.o.Proc, strconv.Itoa(pid), "status"))
	if err != nil {
		return pid
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				if n, err := strconv.Atoi(f[len(f)-1]); err == nil {
					return n
				}
			}
		}
	}
	return pid
}

// sameSpace reports whether the process is in dssctl's process namespace; also
// where that cannot be told.
func (in *Instance) sameSpace(pid int) bool {
	mine, err := os.Readlink(filepath.Join(in.o.Proc, "self", "ns", "pid"))
	if err != nil {
		return true
	}
	its, err := os.Readlink(filepath.Join(in.o.Proc, strconv.Itoa(pid), "ns", "pid"))
	return err != nil || its == mine
}
