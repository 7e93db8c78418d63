// Package systemdtest stands in for systemd, sudo and polkit in tests: programs
// of their names in a folder, which keep the state of units in files, run what
// the units say, and refuse, are missing or hang as they are told to.
package systemdtest

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed systemctl.sh
var systemctl string

//go:embed sudo.sh
var sudo string

//go:embed pkcheck.sh
var pkcheck string

// System is one machine's systemd.
type System struct {
	t testing.TB
	// Bin holds the programs: put it first in PATH.
	Bin string
	// Units is the folder of units.
	Units string
	state string
}

// New makes a systemd that knows no unit, and an account that may do nothing with
// one.
func New(t testing.TB) *System {
	t.Helper()
	dir := t.TempDir()
	s := &System{t: t, Bin: filepath.Join(dir, "bin"), Units: filepath.Join(dir, "etc", "systemd", "system"), state: filepath.Join(dir, "state")}
	for name, text := range map[string]string{"systemctl": systemctl, "sudo": sudo, "pkcheck": pkcheck} {
		text = strings.NewReplacer("@STATE@", s.state, "@UNITS@", s.Units, "@BIN@", s.Bin).Replace(text)
		s.write(filepath.Join(s.Bin, name), text, 0o755)
	}
	for _, d := range []string{s.Units, s.state} {
		s.ok(os.MkdirAll(d, 0o755))
	}
	return s
}

// Path is a PATH that begins with the programs.
func (s *System) Path() string { return s.Bin + ":" + os.Getenv("PATH") }

// Unit makes a unit that starts and stops a data directory's DSS.
func (s *System) Unit(name, dataDir string) {
	s.t.Helper()
	s.File(name, "[Unit]\nDescription=DSS\n\n[Service]\nType=forking\nExecStart="+dataDir+"/bin/dss start\nExecStop="+dataDir+"/bin/dss stop\n")
}

// File writes a file in the folder of units.
func (s *System) File(name, text string) {
	s.t.Helper()
	s.write(filepath.Join(s.Units, name), text, 0o644)
}

// Is makes things so: "allow" lets the account itself control units, "polkit"
// has polkit say so too, "gone" is a machine without systemd, "slow" one whose
// systemctl hangs, "slow-start" one that hangs at a start, "broken" one whose
// starts fail, "masked-UNIT" masks a unit.
func (s *System) Is(what ...string) {
	s.t.Helper()
	for _, w := range what {
		s.write(filepath.Join(s.state, w), "", 0o644)
	}
}

// IsNot takes back what Is did.
func (s *System) IsNot(what ...string) {
	s.t.Helper()
	for _, w := range what {
		if err := os.Remove(filepath.Join(s.state, w)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
	}
}

// Sudoers are the commands that sudo allows: "systemctl start dataiku.service".
func (s *System) Sudoers(commands ...string) {
	s.t.Helper()
	s.write(filepath.Join(s.state, "sudoers"), strings.Join(commands, "\n")+"\n", 0o644)
}

// Active reports whether the unit is active.
func (s *System) Active(unit string) bool {
	_, err := os.Stat(filepath.Join(s.state, "active-"+unit))
	return err == nil
}

// Activate marks a unit as active, as if it had been started at boot.
func (s *System) Activate(unit string) { s.Is("active-" + unit) }

// Calls are the commands since the last call of it, without those that only ask.
func (s *System) Calls() []string {
	s.t.Helper()
	path := filepath.Join(s.state, "log")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s.ok(err)
	s.ok(os.Remove(path))
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}

func (s *System) write(path, text string, mode fs.FileMode) {
	s.t.Helper()
	s.ok(os.MkdirAll(filepath.Dir(path), 0o755))
	s.ok(os.WriteFile(path, []byte(text), mode))
}

func (s *System) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
