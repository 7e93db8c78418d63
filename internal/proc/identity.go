package proc

import (
	"fmt"
	"os"
	"strings"
)

// Self returns the running process.
func Self() (Process, error) {
	pid := os.Getpid()
	st, err := readStat(pid)
	if err != nil {
		return Process{}, fmt.Errorf("read the start time of the own process: %w", err)
	}
	return Process{PID: pid, StartTicks: st.ticks, BootID: bootID()}, nil
}

// Alive reports whether p still runs: a process with its number that started
// at the same tick of the same boot and has not ended.
func Alive(p Process) bool {
	if p.PID <= 0 || p.BootID != bootID() {
		return false
	}
	st, err := readStat(p.PID)
	return err == nil && st.ticks == p.StartTicks && !st.ended()
}

// identify describes an unreaped child.
func identify(pid int) Process {
	p := Process{PID: pid, BootID: bootID()}
	if st, err := readStat(pid); err == nil {
		p.StartTicks = st.ticks
	}
	return p
}

// bootID is "" where the kernel does not tell, the same for every process.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
