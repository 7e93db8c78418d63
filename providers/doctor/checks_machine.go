package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// leastLimit is what DSS asks for, of open files and of processes.
const leastLimit = 65536

func openFiles(_ context.Context, s *Subject) result {
	return limit(s, "Max open files", "nofile", "-Hn")
}

func processes(_ context.Context, s *Subject) result {
	return limit(s, "Max processes", "nproc", "-Hu")
}

// limit looks at a hard limit of the account, which is that of dssctl itself.
func limit(s *Subject, line, name, flag string) result {
	n, err := s.Machine.hardLimit(line)
	switch {
	case err != nil:
		return skipped(fmt.Sprintf("the limit could not be read: %v", err))
	case n == 1<<64-1:
		return ok("unlimited")
	case n < leastLimit:
		return failed(fmt.Sprintf("ulimit %s is %d, and at least %d is asked for", flag, n, leastLimit),
			fmt.Sprintf("Set it for the account in /etc/security/limits.d/90-dss.conf: \"ACCOUNT hard %s %d\" and the same with \"soft\"; in a boot unit: Limit%s=%[2]d. Then log in again and restart DSS.", name, leastLimit, strings.ToUpper(name)))
	}
	return ok(fmt.Sprintf("ulimit %s is %d", flag, n))
}

func locale(ctx context.Context, s *Subject) result {
	out, err := s.Machine.output(ctx, "locale", "-a")
	if err != nil {
		return skipped("the locales could not be listed: " + firstLine(err.Error()))
	}
	for _, l := range strings.Fields(out) {
		if strings.EqualFold(strings.ReplaceAll(l, "-", ""), "en_us.utf8") {
			return ok("en_US.utf8 is there")
		}
	}
	return failed("the locale en_US.utf8 is not installed",
		"Make it: on Debian-like systems `locale-gen en_US.UTF-8`, on Red Hat-like ones install the package glibc-langpack-en.")
}

// leastMemory is 32 GB; firmware and kernel keep some of it.
const (
	leastMemory = 32_000_000_000
	keptMemory  = 0.95
)

func memory(_ context.Context, s *Subject) result {
	n, err := s.Machine.memory()
	switch {
	case err != nil:
		return skipped(fmt.Sprintf("the memory could not be told: %v", err))
	case float64(n) < leastMemory*keptMemory:
		return warning(fmt.Sprintf("the machine has %s of memory, and at least 32 GB is asked for", humanize.Bytes(n)),
			"Give the machine more memory; small test instances run with less.")
	}
	return ok(humanize.Bytes(n))
}

// memory is MemTotal, in bytes.
func (m *Machine) memory() (int64, error) {
	data, err := m.read("meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 53)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no line MemTotal")
}

func git(ctx context.Context, s *Subject) result {
	const remedy = "Install git 2.28 or newer; where the system's is older, from its vendor's newer channel."
	out, err := s.Machine.output(ctx, "git", "--version")
	if err != nil {
		return failed("git does not run: "+firstLine(err.Error()), remedy)
	}
	v, good := versionIn(out)
	switch {
	case !good:
		return skipped(fmt.Sprintf("git --version says %q", firstLine(out)))
	case v.LessThan(version.Must(version.NewVersion("2.28"))):
		return failed(fmt.Sprintf("git is %s, and at least 2.28 is asked for", v), remedy)
	}
	return ok("git " + v.String())
}

func tmp(_ context.Context, s *Subject) result {
	all, err := s.Machine.mounts()
	if err != nil {
		return skipped(fmt.Sprintf("the mounts could not be read: %v", err))
	}
	m, found := mountOf(all, "/tmp")
	if !found {
		return skipped("no mount holds /tmp")
	}
	for _, o := range m.options {
		if o == "noexec" {
			return failed("/tmp is mounted noexec, and DSS runs programs from there",
				"Mount it without noexec (mount -o remount,exec /tmp, and in /etc/fstab); or give DSS another folder with -Djava.io.tmpdir.")
		}
	}
	return ok("/tmp may hold programs")
}

// versionNumber is the first thing in a text that looks like a version.
var versionNumber = lazyregexp.New(`[0-9]+(\.[0-9]+)+|[0-9]{2,}`)

func versionIn(text string) (*version.Version, bool) {
	v, err := version.NewVersion(versionNumber.FindString(text))
	return v, err == nil
}

// major is the first number of the instance's version; 0 when not known.
func (s *Subject) major() int {
	n, _, _ := strings.Cut(s.Facts.Version, ".")
	m, _ := strconv.Atoi(n)
	return m
}

func java(ctx context.Context, s *Subject) result {
	path := s.Env["DKUJAVABIN"]
	if path == "" {
		path = "java"
	}
	name := path
	if !strings.Contains(path, "/") {
		name += " on the PATH"
	}
	out, err := s.Machine.output(ctx, path, "-version")
	if err != nil {
		return failed(fmt.Sprintf("%s does not run: %s", name, firstLine(err.Error())),
			"Install Java 17, and replay the installer with JAVA_HOME set (installer.sh -d DATA_DIR -u, DSS stopped): it notes the path in bin/env-default.sh as DKUJAVABIN.")
	}
	v, good := versionIn(out)
	if !good {
		return skipped(fmt.Sprintf("%s -version says %q", path, firstLine(out)))
	}
	is := v.Segments()[0]
	if is == 1 && len(v.Segments()) > 1 { // 1.8
		is = v.Segments()[1]
	}
	if s.major() >= 14 && is < 17 {
		return failed(fmt.Sprintf("%s is Java %d, and DSS %s needs Java 17", name, is, s.Facts.Version),
			"Install Java 17, stop DSS, and replay the installer with JAVA_HOME set: JAVA_HOME=… KIT/installer.sh -d DATA_DIR -u")
	}
	return ok(fmt.Sprintf("Java %d (%s)", is, name))
}

func python(ctx context.Context, s *Subject) result {
	path := filepath.Join(s.DataDir, "pyenv", "bin", "python")
	out, err := s.Machine.output(ctx, path, "--version")
	if err != nil {
		return failed(fmt.Sprintf("the builtin Python environment does not run: %s", firstLine(err.Error())),
			"A data directory that was moved or restored needs it built anew: stop DSS, move pyenv away, and replay the installer (KIT/installer.sh -d DATA_DIR -u).")
	}
	v, good := versionIn(out)
	if !good {
		return skipped(fmt.Sprintf("%s --version says %q", path, firstLine(out)))
	}
	n := v.Segments()
	if s.major() >= 14 && (n[0] != 3 || n[1] < 9 || n[1] > 11) {
		return failed(fmt.Sprintf("the builtin Python environment is %s, and DSS %s needs 3.9 to 3.11", v, s.Facts.Version),
			"Stop DSS, move pyenv away, and replay the installer with another base Python: KIT/installer.sh -d DATA_DIR -u -P python3.11")
	}
	return ok("Python " + v.String())
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
