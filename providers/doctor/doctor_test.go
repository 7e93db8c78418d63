package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// fixed is a clock that stands.
type fixed struct{ now time.Time }

func (f fixed) Now() time.Time                             { return f.now }
func (f fixed) Sleep(context.Context, time.Duration) error { panic("nothing waits") }

// programs answers for what would be run: by base name, what is printed; what is
// not listed does not exist.
type programs map[string]string

func (p programs) Run(_ context.Context, c proc.Cmd) (proc.Result, error) {
	out, there := p[filepath.Base(c.Path)]
	if !there {
		return proc.Result{}, fmt.Errorf("run %s: not found", c.Path)
	}
	return proc.Result{Stderr: []byte(out)}, nil
}

const goodINI = "[general]\nnodetype = design\n\n[server]\nport = 11200\n\n[javaopts]\nbackend.xmx = 12g\njek.xmx = 2g\n"

// play is a machine and an instance on which all is well.
type play struct {
	t    *testing.T
	s    *Subject
	proc string
	runs programs
}

func newPlay(t *testing.T) *play {
	t.Helper()
	dir := t.TempDir()
	p := &play{t: t, proc: filepath.Join(dir, "proc"), runs: programs{
		"locale": "C\nPOSIX\nen_US.utf8\n", "git": "git version 2.43.0\n",
		"java": "openjdk version \"17.0.10\" 2024-01-16\nOpenJDK Runtime Environment\n", "python": "Python 3.10.12\n",
	}}
	data, kit := filepath.Join(dir, "data"), filepath.Join(dir, "kit")
	p.file("limits", "Limit                     Soft Limit           Hard Limit           Units\nMax processes             4096                 65536                processes\nMax open files            1024                 1048576              files\n")
	p.file("meminfo", "MemTotal:       65806944 kB\nMemFree: 1 kB\n")
	p.file("mountinfo", "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n2 1 8:2 / "+data+" rw,noatime - xfs /dev/sdb1 rw,attr2\n3 1 0:5 / /proc rw - proc proc rw\n")
	p.file("tcp", "  sl  local_address rem_address   st\n   0: 0100007F:1538 00000000:0000 0A 0\n   1: 0100007F:2BC1 0100007F:9999 01 0\n")
	for _, name := range []string{"config", "databases", "jobs", "bin"} {
		p.mkdir(filepath.Join(data, name))
	}
	p.write(filepath.Join(data, "install.ini"), goodINI)
	p.write(filepath.Join(kit, "dss-version.json"), `{"product_version":"14.4.1"}`)
	p.write(filepath.Join(kit, "installer.sh"), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(kit, "installer.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.s = &Subject{
		Address: "instance.design", DataDir: data, Env: map[string]string{"DKUJAVABIN": "/usr/lib/jvm/17/bin/java"},
		Facts: dss.Facts{Version: "14.4.1", NodeType: "design", Port: 11200, InstallDir: kit, Service: dss.ServiceStopped},
		Machine: &Machine{
			Proc: p.proc, Runner: p.runs, Clock: fixed{time.Now().Add(time.Hour)},
			Space: func(string) (int64, int64, error) { return 500e9, 200e9, nil },
		},
		Server: &providers.RuntimeServer{External: true, Version: 160003, MaxConnections: 500, FreeConnections: 480},
		Others: map[string]int{"instance.auto": 11300},
	}
	p.ini(goodINI)
	if own, _ := uidOf(data); own == 0 {
		if err := filepath.WalkDir(data, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				err = os.Chown(path, 65534, 65534)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *play) mkdir(path string) {
	p.t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *play) write(path, content string) {
	p.t.Helper()
	p.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// file is one of /proc.
func (p *play) file(name, content string) {
	folder := map[string]string{"limits": "self", "mountinfo": "self", "tcp": "net", "meminfo": ""}[name]
	p.write(filepath.Join(p.proc, folder, name), content)
}

func (p *play) ini(content string) {
	p.t.Helper()
	f, err := iniedit.Parse([]byte(content))
	if err != nil {
		p.t.Fatal(err)
	}
	p.s.INI = f
}

func (p *play) in(elem ...string) string {
	return filepath.Join(append([]string{p.s.DataDir}, elem...)...)
}

// Each check, where all is well and where it is not.
func TestChecks(t *testing.T) {
	for _, c := range []struct {
		check  string
		name   string
		change func(p *play)
		want   Status
		found  string
	}{
		{"open files", "few", func(p *play) {
			p.file("limits", "Max open files            1024                 4096              files\n")
		}, Failed, "ulimit -Hn is 4096"},
		{"open files", "unlimited", func(p *play) {
			p.file("limits", "Max open files            1024                 unlimited            files\n")
		}, OK, "unlimited"},
		{"open files", "unreadable", func(p *play) { p.file("limits", "") }, Skipped, "could not be read"},
		{"processes", "few", func(p *play) {
			p.file("limits", "Max processes             1024                 30000                processes\n")
		}, Failed, "ulimit -Hu is 30000"},
		{"locale", "missing", func(p *play) { p.runs["locale"] = "C\nde_DE.utf8\n" }, Failed, "not installed"},
		{"locale", "another spelling", func(p *play) { p.runs["locale"] = "en_US.UTF-8\n" }, OK, ""},
		{"locale", "no such program", func(p *play) { delete(p.runs, "locale") }, Skipped, "locale"},
		{"memory", "little", func(p *play) { p.file("meminfo", "MemTotal:       16000000 kB\n") }, Warning, "at least 32 GB"},
		{"memory", "32 GB, less what the kernel keeps", func(p *play) { p.file("meminfo", "MemTotal:       30500000 kB\n") }, OK, ""},
		{"git", "old", func(p *play) { p.runs["git"] = "git version 2.27.0\n" }, Failed, "git is 2.27.0"},
		{"git", "exactly", func(p *play) { p.runs["git"] = "git version 2.28\n" }, OK, ""},
		{"git", "missing", func(p *play) { delete(p.runs, "git") }, Failed, "does not run"},
		{"/tmp", "noexec", func(p *play) {
			p.file("mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw\n")
		}, Failed, "noexec"},
		{"/tmp", "an unmounted name beside it", func(p *play) {
			p.file("mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /tmp2 rw,noexec - tmpfs tmpfs rw\n")
		}, OK, ""},
		{"java", "11", func(p *play) { p.runs["java"] = "openjdk version \"11.0.2\"\n" }, Failed, "is Java 11"},
		{"java", "8", func(p *play) { p.runs["java"] = "java version \"1.8.0_292\"\n" }, Failed, "is Java 8"},
		{"java", "17 without a dot", func(p *play) { p.runs["java"] = "openjdk version \"17\" 2021-09-14\n" }, OK, ""},
		{"java", "11 with DSS 12", func(p *play) { p.runs["java"] = "openjdk version \"11.0.2\"\n"; p.s.Facts.Version = "12.1.0" }, OK, ""},
		{"java", "a bare name", func(p *play) {
			p.s.Env["DKUJAVABIN"] = "java"
			p.runs["java"] = "openjdk version \"11.0.2\"\n"
		}, Failed, "java on the PATH is Java 11, and DSS"},
		{"java", "missing", func(p *play) { delete(p.runs, "java") }, Failed, "does not run"},
		{"python", "3.7", func(p *play) { p.runs["python"] = "Python 3.7.9\n" }, Failed, "3.9 to 3.11"},
		{"python", "3.12", func(p *play) { p.runs["python"] = "Python 3.12.1\n" }, Failed, "3.9 to 3.11"},
		{"python", "3.7 with DSS 13", func(p *play) { p.runs["python"] = "Python 3.7.9\n"; p.s.Facts.Version = "13.0.0" }, OK, ""},
		{"python", "broken by a move", func(p *play) { delete(p.runs, "python") }, Failed, "does not run"},
		{"file system", "NFS", func(p *play) { p.file("mountinfo", "1 0 0:1 / / rw - nfs4 server:/export rw\n") }, Failed, "nfs4"},
		{"file system", "another one", func(p *play) { p.file("mountinfo", "1 0 0:1 / / rw - btrfs /dev/sda rw\n") }, Warning, "btrfs"},
		{"file system", "noacl", func(p *play) { p.file("mountinfo", "1 0 0:1 / / rw - ext4 /dev/sda rw,noacl\n") }, Failed, "noacl"},
		{"file system", "a blank in the path", func(p *play) {
			p.s.DataDir = "/data disk/dss"
			p.file("mountinfo", "1 0 0:1 / / rw - nfs4 server:/export rw\n2 1 8:2 / /data\\040disk rw - xfs /dev/sdb rw\n")
		}, OK, "xfs on /data disk"},
		{"mounts inside", "one", func(p *play) {
			p.file("mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / "+p.in("managed_datasets")+" rw - xfs /dev/sdb1 rw\n")
		}, Failed, "managed_datasets"},
		{"symbolic links", "a folder elsewhere", func(p *play) { p.link(p.t.TempDir(), "managed_datasets") }, Failed, "managed_datasets"},
		{"symbolic links", "to nowhere", func(p *play) { p.link("/no/such/folder", "jupyter-run") }, Failed, "jupyter-run"},
		{"symbolic links", "inside", func(p *play) { p.link(p.in("config"), "conf") }, OK, ""},
		{"disk size", "small", func(p *play) { p.s.Machine.Space = func(string) (int64, int64, error) { return 50e9, 40e9, nil } }, Warning, "at least 100 GB"},
		{"disk size", "unknown", func(p *play) {
			p.s.Machine.Space = func(string) (int64, int64, error) { return 0, 0, errors.New("no answer") }
		}, Skipped, "no answer"},
		{"free space", "little", func(p *play) {
			p.write(p.in("jobs", "a", "log"), strings.Repeat("x", 3<<20))
			p.s.Machine.Space = func(string) (int64, int64, error) { return 500e9, 20e9, nil }
		}, Failed, "jobs 3.0 MiB"},
		{"free space", "left by an upgrade", func(p *play) { p.write(p.in("_pre_migration_backup_1", "a"), strings.Repeat("x", 2<<20)) }, Warning, "_pre_migration_backup_1 2.0 MiB"},
		{"clock", "went back", func(p *play) { p.s.Machine.Clock = fixed{time.Now().Add(-24 * time.Hour)} }, Warning, "in the future"},
		{"kit", "another version", func(p *play) {
			p.write(filepath.Join(p.s.Facts.InstallDir, "dss-version.json"), `{"product_version":"14.5.0"}`)
		}, Failed, "a kit of DSS 14.5.0"},
		{"kit", "gone", func(p *play) { p.s.Facts.InstallDir = "/no/such/kit" }, Failed, "/no/such/kit"},
		{"kit", "not named", func(p *play) { p.s.Facts.InstallDir = "" }, Skipped, "DKUINSTALLDIR"},
		{"port block", "taken", func(p *play) {
			p.file("tcp", "   0: 00000000:2BC9 00000000:0000 0A 0\n   1: 00000000:2BCA 00000000:0000 0A 0\n")
		}, Failed, "11209"},
		{"port block", "DSS runs", func(p *play) { p.s.Facts.Service = dss.ServiceRunning }, Skipped, "its own"},
		{"ports of others", "overlap", func(p *play) { p.s.Others["instance.near"] = 11209 }, Failed, "instance.near (11209)"},
		{"ports of others", "next to each other", func(p *play) { p.s.Others["instance.near"] = 11210 }, OK, ""},
		{"ports of others", "alone", func(p *play) { p.s.Others = nil }, Skipped, ""},
		{"heap sizes", "32g", func(p *play) { p.ini("[javaopts]\nbackend.xmx = 32g\n") }, Warning, "backend.xmx = 32.0 GiB"},
		{"heap sizes", "48g", func(p *play) { p.ini("[javaopts]\nbackend.xmx = 48g\n") }, OK, ""},
		{"heap sizes", "none", func(p *play) { p.ini("[server]\nport = 1\n") }, OK, ""},
		{"heap and memory", "too much", func(p *play) { p.ini("[javaopts]\nbackend.xmx = 60g\n") }, Warning, "60.0 GiB"},
		{"heap and memory", "not set", func(p *play) { p.ini("[server]\nport = 1\n") }, Skipped, ""},
		{"embedded databases", "large", func(p *play) { p.s.Server.External = false; p.sparse(p.in("databases", "jobs.mv.db"), 3<<30) }, Warning, "jobs.mv.db 3.0 GiB"},
		{"embedded databases", "small", func(p *play) { p.s.Server = nil; p.sparse(p.in("databases", "jobs.mv.db"), 1<<20) }, OK, "1.0 MiB"},
		{"embedded databases", "in PostgreSQL", func(*play) {}, Skipped, ""},
		{"postgresql version", "old", func(p *play) { p.s.Server.Version = 90424 }, Failed, "PostgreSQL is 9.4.24, and at least 9.5"},
		{"postgresql version", "old for Govern", func(p *play) { p.s.Server.Version, p.s.Facts.NodeType = 120004, "govern" }, Failed, "at least 12.5"},
		{"postgresql version", "no login", func(p *play) { p.s.Server = &providers.RuntimeServer{External: true} }, Skipped, "no login"},
		{"postgresql version", "refused", func(p *play) { p.s.Server = &providers.RuntimeServer{External: true, Why: "connection refused\nmore"} }, Skipped, "connection refused"},
		{"postgresql version", "embedded", func(p *play) { p.s.Server = &providers.RuntimeServer{} }, Skipped, "embedded"},
		{"postgresql connections", "few", func(p *play) { p.s.Server.MaxConnections = 100 }, Warning, "max_connections is 100"},
	} {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			p := newPlay(t)
			c.change(p)
			got := examine(t, p.s)[c.check]
			if got.Status != c.want || !strings.Contains(got.Found, c.found) {
				t.Errorf("got %+v, want %s with %q", got, c.want, c.found)
			}
			if bad := got.Status == Failed || got.Status == Warning; bad != (got.Remedy != "") || got.Source == "" {
				t.Errorf("remedy %q, source %q", got.Remedy, got.Source)
			}
		})
	}
}

func (p *play) link(to, name string) {
	p.t.Helper()
	if err := os.Symlink(to, p.in(name)); err != nil {
		p.t.Fatal(err)
	}
}

// sparse is a large file that takes no room.
func (p *play) sparse(path string, bytes int64) {
	p.t.Helper()
	p.write(path, "")
	if err := os.Truncate(path, bytes); err != nil {
		p.t.Fatal(err)
	}
}

func examine(t *testing.T, s *Subject) map[string]Finding {
	t.Helper()
	all, err := Examine(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Finding{}
	for _, f := range all {
		out[f.Check] = f
	}
	want := len(Names())
	if s.Instance == nil {
		want -= len(preflight.StandingChecks())
	}
	if len(out) != want {
		t.Errorf("%d findings of %d checks", len(out), len(Names()))
	}
	return out
}

// Where all is well, nothing is said to be wrong, and every check has a test.
func TestAllWell(t *testing.T) {
	p := newPlay(t)
	for name, f := range examine(t, p.s) {
		if f.Status == Failed || f.Status == Warning {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Files of another account, which only root can make.
func TestOwner(t *testing.T) {
	p := newPlay(t)
	if got := examine(t, p.s)["owner"]; got.Status != OK {
		t.Errorf("%+v", got)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Chown(p.in("jobs"), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if got := examine(t, p.s)["owner"]; got.Status != Failed || !strings.Contains(got.Found, "jobs") {
		t.Errorf("%+v", got)
	}
	if err := os.Chown(p.s.DataDir, 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := examine(t, p.s)["owner"]; got.Status != Failed || !strings.Contains(got.Found, "root") {
		t.Errorf("%+v", got)
	}
}

// This machine can be read, whatever it is.
func TestSystem(t *testing.T) {
	m := System(programs{}, fixed{time.Now()})
	if _, err := m.hardLimit("Max open files"); err != nil {
		t.Error(err)
	}
	if n, err := m.memory(); err != nil || n < 1<<20 {
		t.Errorf("memory %d, %v", n, err)
	}
	if all, err := m.mounts(); err != nil || !slices.ContainsFunc(all, func(m mount) bool { return m.point == "/" }) {
		t.Errorf("mounts %v, %v", all, err)
	}
	if total, free, err := m.Space("/"); err != nil || total == 0 || free > total {
		t.Errorf("space %d %d %v", total, free, err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	p := newPlay(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Examine(ctx, p.s); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
