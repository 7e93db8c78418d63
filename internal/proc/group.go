package proc

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ending says why a command was ended; the zero value that it ended by itself.
type ending struct {
	cause   error
	timeout bool
}

var errTimeout = errors.New("it took longer than it may")

// await returns when the process has ended, by itself or because ctx or the
// timeout ended. The process is left unreaped, so that its number, which is the
// group's too, is not given to another one meanwhile.
func (s *System) await(ctx context.Context, c Cmd, pid int) ending {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		waitUnreaped(pid)
	}()
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	timeout := make(chan struct{})
	if c.Timeout > 0 {
		go func() {
			if s.options.Clock.Sleep(waiting, c.Timeout) == nil {
				close(timeout)
			}
		}()
	}
	var why ending
	select {
	case <-gone:
		return ending{}
	case <-ctx.Done():
		why = ending{cause: context.Cause(ctx)}
	case <-timeout:
		why = ending{cause: errTimeout, timeout: true}
	}
	s.endGroup(pid, c.grace())
	<-gone
	return why
}

func (c Cmd) grace() time.Duration {
	if c.Grace <= 0 {
		return defaultGrace
	}
	return c.Grace
}

func waitUnreaped(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// endGroup asks the group to end, and kills what is left of it after grace.
// Waiting for the first process alone would leave its children at work.
func (s *System) endGroup(group int, grace time.Duration) {
	const step = 20 * time.Millisecond
	_ = unix.Kill(-group, unix.SIGTERM)
	// A stopped process takes SIGTERM only once it goes on.
	_ = unix.Kill(-group, unix.SIGCONT)
	deadline := s.options.Clock.Now().Add(grace)
	for groupAlive(group) {
		if !s.options.Clock.Now().Before(deadline) {
			_ = unix.Kill(-group, unix.SIGKILL)
			return
		}
		_ = s.options.Clock.Sleep(context.Background(), step)
	}
}

// groupAlive reports whether a process of the group has not ended yet.
func groupAlive(group int) bool {
	dir, err := os.Open("/proc")
	if err != nil {
		return true
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return true
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		st, err := readStat(pid)
		if err == nil && st.group == group && !st.ended() {
			return true
		}
	}
	return false
}

// stat is what is needed of /proc/PID/stat.
type stat struct {
	state byte
	group int
	ticks uint64
}

func (s stat) ended() bool { return s.state == 'Z' || s.state == 'X' || s.state == 'x' }

var errStat = errors.New("the process's stat file has an unknown form")

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	// The name, in parentheses, may hold spaces and parentheses itself.
	_, rest, ok := cutLast(b, ')')
	fields := bytes.Fields(rest)
	// rest begins with field 3, the state; the start time is field 22.
	if !ok || len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errStat
	}
	group, err := strconv.Atoi(string(fields[2]))
	if err != nil {
		return stat{}, errStat
	}
	ticks, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return stat{}, errStat
	}
	return stat{state: fields[0][0], group: group, ticks: ticks}, nil
}

func cutLast(b []byte, sep byte) (before, after []byte, ok bool) {
	i := bytes.LastIndexByte(b, sep)
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}
