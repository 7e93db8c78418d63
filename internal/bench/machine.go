package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes where the figures come from, without saying whose it is.
type machine struct {
	Processor string
	Cores     int
	Memory    string
	Kernel    string
	Files     string // the kind of file system under the data directories
	Go        string
	Load      string // of the minute before
	Hashing   string // the processor's instructions for SHA-256, "" where there are none
}

func describe(work string) machine {
	m := machine{
		Processor: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		Kernel: strings.TrimSpace(read("/proc/sys/kernel/osrelease")), Go: runtime.Version(),
		Files: fileSystem(work),
	}
	m.Load, _, _ = strings.Cut(read("/proc/loadavg"), " ")
	features := strings.Fields(field("/proc/cpuinfo", "flags") + " " + field("/proc/cpuinfo", "Features"))
	for _, name := range []string{"sha_ni", "sha2"} {
		if slices.Contains(features, name) {
			m.Hashing = name
		}
	}
	var kib float64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kib); err == nil {
		m.Memory = fmt.Sprintf("%.0f GiB", kib/(1<<20))
	}
	if m.Processor == "" {
		m.Processor = runtime.GOARCH
	}
	return m
}

// read returns a file of /proc, "" where it cannot be read.
func read(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(raw)
}

// field returns what stands behind the first "name :" of a file.
func field(path, name string) string {
	for line := range strings.Lines(read(path)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func fileSystem(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "unknown"
	}
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", 0x2fc12fc1: "zfs",
	}
	if name := names[int64(st.Type)]; name != "" { //nolint:unconvert // int32 on some machines
		return name
	}
	return fmt.Sprintf("type %#x", st.Type)
}

// firstLine runs a program for its version; "" where there is none.
func firstLine(name string, args ...string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	cmd := exec.Command(path, args...)
	cmd.Env = terraformEnv()
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	return string(bytes.TrimSpace(line))
}
