package preflight_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/systemdtest"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

const unit = "dataiku.service"

// instance is a data directory whose bin/dss says that DSS runs, or is stopped.
func instance(t *testing.T, s *systemdtest.System, runs bool) *dss.Instance {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dss")
	state := "STOPPED"
	if runs {
		state = "RUNNING pid 1"
	}
	for name, text := range map[string]string{
		"install.ini":      "[general]\nnodetype = design\n[server]\nport = 11200\n",
		"dss-version.json": `{"product_version":"14.4.1"}`,
		"bin/dss":          "#!/bin/sh\necho backend " + state + "\n",
	} {
		path := filepath.Join(dir, name)
		ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
		ok(t, os.WriteFile(path, []byte(text), 0o755)) //nolint:gosec // a script
	}
	uid := os.Getuid()
	if uid == 0 { // root is refused
		uid = 65534
		ok(t, filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(p, uid, uid)
		}))
	}
	in, err := dss.Open(dir, dss.Options{UID: func() int { return uid }, UnitDirs: []string{s.Units}})
	ok(t, err)
	return in
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Who may start DSS, and by what. In each case a unit of the data directory is
// there, and DSS runs in it.
func TestStart(t *testing.T) {
	const both = "systemctl start dataiku.service\nsystemctl stop dataiku.service"
	for name, tc := range map[string]struct {
		outside, stopped bool
		is               []string
		sudoers          string
		declared         string
		also             string // another unit that names the data directory
		broken           bool   // bin/dss cannot be run
		without          string // this program is not there
		// want is the severity with words of the one finding; "" for none.
		want string
	}{
		"by sudo":              {sudoers: both},
		"by polkit":            {is: []string{"polkit"}},
		"stopped, by sudo":     {stopped: true, outside: true, sudoers: both},
		"none":                 {declared: dss.NoUnit},
		"declared":             {sudoers: both, declared: "dataiku"},
		"declared, not there":  {sudoers: both, declared: "dataiku.nope", want: "error: the boot unit dataiku.nope.service does not exist: Found: systemd knows no such unit.*The unit that names the data directory is dataiku.service"},
		"declared, no systemd": {is: []string{"gone"}, outside: true, declared: "dataiku", want: "warning: systemd does not tell about the boot unit dataiku.service: Found: it does not run here"},
		"declared, no systemd and no file": {
			is: []string{"gone"}, outside: true, declared: "dataiku.nope", want: "error: the boot unit dataiku.nope.service does not exist",
		},
		"two":               {also: "dataiku.old.service", want: `error: it is not clear which boot unit owns DSS: Found: dataiku.old.service and dataiku.service name .*service { unit = "dataiku.old.service" }`},
		"two, one declared": {also: "dataiku.old.service", sudoers: both, declared: unit},

		"no rights":           {want: "warning: it is not known whether the account .* may stop the boot unit dataiku.service.*NOPASSWD: /usr/bin/systemctl start dataiku.service, /usr/bin/systemctl stop dataiku.service"},
		"may stop, not start": {sudoers: "systemctl stop dataiku.service", want: "warning: it is not known whether the account .* may start the boot unit.*started by its own script"},
		"may stop, not start, script broken": {
			sudoers: "systemctl stop dataiku.service", broken: true, want: "error: it is not known whether the account .* may start the boot unit.*bin/dss cannot be run",
		},
		"no polkit, no rights": {without: "pkcheck", want: "error: the account .* may not stop the boot unit dataiku.service"},
		"no polkit, may stop, not start": {
			without: "pkcheck", sudoers: "systemctl stop dataiku.service", want: "warning: the account .* may not start the boot unit dataiku.service",
		},
		"no polkit, stopped, no rights": {without: "pkcheck", stopped: true, outside: true, want: "warning: the account .* may not start the boot unit"},

		"started by hand":                {outside: true, sudoers: both, want: "warning: DSS runs outside of its boot unit dataiku.service: Found: the unit is inactive, and DSS runs.*sudo systemctl start dataiku.service"},
		"started by hand, unit failed":   {outside: true, is: []string{"failed-" + unit}, want: "warning: DSS runs outside of its boot unit dataiku.service: Found: the unit is failed"},
		"started by hand, script broken": {outside: true, broken: true, want: "error: DSS's own script cannot be run"},
		"masked":                         {is: []string{"masked-" + unit}, sudoers: both, want: "warning: the boot unit dataiku.service can be stopped and not started: Found: it is masked"},
		"masked, started by hand":        {outside: true, is: []string{"masked-" + unit}, sudoers: both, want: "warning: the boot unit dataiku.service cannot be started: Found: it is masked"},
		"masked, by hand, script broken": {outside: true, is: []string{"masked-" + unit}, broken: true, want: "error: the boot unit dataiku.service cannot be started"},
		"no systemd":                     {outside: true, is: []string{"gone"}},
		"no systemd, script broken":      {outside: true, is: []string{"gone"}, broken: true, want: "error: DSS's own script cannot be run"},
		"no unit, script broken":         {declared: dss.NoUnit, broken: true, want: "error: DSS's own script cannot be run: .*bin/dss"},
	} {
		t.Run(name, func(t *testing.T) {
			s := systemdtest.New(t)
			t.Setenv("PATH", s.Path())
			s.Is(tc.is...)
			if tc.sudoers != "" {
				s.Sudoers(strings.Split(tc.sudoers, "\n")...)
			}
			if tc.without != "" {
				ok(t, os.Remove(filepath.Join(s.Bin, tc.without)))
				if hidden(tc.without) {
					t.Skip("this machine has a " + tc.without + " of its own")
				}
			}
			if !tc.outside {
				s.Activate(unit)
			}
			in := instance(t, s, !tc.stopped)
			s.Unit(unit, in.DataDir)
			if tc.also != "" {
				s.Unit(tc.also, in.DataDir)
			}
			if tc.broken {
				text, err := os.ReadFile(in.Path("bin/dss"))
				ok(t, err)
				// By root everything can be run that anybody may run.
				ok(t, os.WriteFile(in.Path("bin/dss"), text, 0o644))
				ok(t, os.Chmod(in.Path("bin/dss"), 0o644))
			}
			found, err := preflight.Start(t.Context(), in.WithUnit(tc.declared))
			ok(t, err)
			got := ""
			for _, f := range found {
				severity := f.Severity
				if severity == "" {
					severity = preflight.Error
				}
				got += string(severity) + ": " + f.String() + "\n"
			}
			if !fits(tc.want, strings.TrimSuffix(got, "\n")) {
				t.Errorf("found %s", got)
			}
			if calls := s.Calls(); len(calls) > 0 {
				t.Errorf("it did %q", calls)
			}
		})
	}
}

// hidden reports whether the machine has such a program, which stands behind the
// stand-in's folder in PATH.
func hidden(program string) bool {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// fits compares with a pattern in which ".*" is anything.
func fits(pattern, text string) bool {
	parts := strings.Split(pattern, ".*")
	if pattern == "" || !strings.HasPrefix(text, parts[0]) {
		return pattern == text
	}
	for _, p := range parts {
		_, after, found := strings.Cut(text, p)
		if !found {
			return false
		}
		text = after
	}
	return true
}
