package doctor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/volume"
)

// Machine is where the instance runs.
type Machine struct {
	// Proc is the folder that says what the kernel knows: /proc.
	Proc   string
	Runner proc.Runner
	Clock  clock.Clock
	// Space returns the size of the file system of a path, and what is free in
	// it for an ordinary account, in bytes.
	Space func(path string) (total, free int64, err error)
}

// System is this machine.
func System(r proc.Runner, c clock.Clock) *Machine {
	return &Machine{Proc: "/proc", Runner: r, Clock: c, Space: volume.Space}
}

// maxProc is more than any file of /proc that is read here needs.
const maxProc = 16 << 20

// read returns a file of /proc.
func (m *Machine) read(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(m.Proc, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxProc))
}

// output is what a program prints, on both channels; java -version uses the
// second.
func (m *Machine) output(ctx context.Context, path string, args ...string) (string, error) {
	r, err := m.Runner.Run(ctx, proc.Cmd{Path: path, Args: args, Env: []string{"LC_ALL=C"}, Timeout: 20 * time.Second})
	return string(r.Stdout) + string(r.Stderr), err
}

// hardLimit reads a line of /proc/self/limits; unlimited is the largest number.
func (m *Machine) hardLimit(name string) (uint64, error) {
	data, err := m.read("self/limits")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		f := strings.Fields(rest) // soft, hard, unit
		if len(f) < 2 {
			break
		}
		if f[1] == "unlimited" {
			return 1<<64 - 1, nil
		}
		return strconv.ParseUint(f[1], 10, 64)
	}
	return 0, fmt.Errorf("/proc/self/limits has no line %q", name)
}

// mount is a line of /proc/self/mountinfo.
type mount struct {
	point   string
	fsType  string
	source  string
	options []string // of the mount, then of the file system
}

func (m *Machine) mounts() ([]mount, error) {
	data, err := m.read("self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out []mount
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		// 36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw
		before, after, ok := strings.Cut(in.Text(), " - ")
		b, a := strings.Fields(before), strings.Fields(after)
		if !ok || len(b) < 6 || len(a) < 3 {
			continue
		}
		out = append(out, mount{
			point: unescape(b[4]), fsType: a[0], source: unescape(a[1]),
			options: append(strings.Split(b[5], ","), strings.Split(a[2], ",")...),
		})
	}
	return out, errors.Join(in.Err(), none(out))
}

func none(all []mount) error {
	if len(all) == 0 {
		return errors.New("/proc/self/mountinfo lists no mount")
	}
	return nil
}

// unescape undoes the kernel's octal escapes of blanks in paths.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mountOf is the mount that a path lies on: the last one with the longest point.
func mountOf(all []mount, path string) (mount, bool) {
	var found mount
	ok := false
	for _, m := range all {
		if within(path, m.point) && (!ok || len(m.point) >= len(found.point)) {
			found, ok = m, true
		}
	}
	return found, ok
}

// within reports whether a path is the folder or lies in it.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
