package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/systemdtest"
)

// unitOf is the boot unit of an instance of a lab.
func unitOf(name string) string { return "dataiku." + name + ".service" }

// inUnit gives an instance that runs a boot unit, in which it then runs. sudo
// allows these verbs.
func (l *lab) inUnit(name string, verbs ...string) {
	l.t.Helper()
	if l.systemd == nil {
		l.systemd = systemdtest.New(l.t)
		l.env = append(l.env, "PATH="+l.systemd.Path(), "DSSCTL_TEST_UNITS="+l.systemd.Units)
	}
	l.systemd.Unit(unitOf(name), l.dss[name].DataDir)
	l.systemd.Activate(unitOf(name))
	var rules []string
	for _, verb := range verbs {
		rules = append(rules, "systemctl "+verb+" "+unitOf(name))
	}
	l.systemd.Sudoers(rules...)
}

// Whatever the boot unit is like, DSS is up afterwards, or was never stopped.
func TestBootUnits(t *testing.T) {
	t.Parallel()
	l := newLab(t, 91)
	l.install("design", dsskit.InstallOptions{})
	l.inUnit("design")
	unit := unitOf("design")
	outside := func() { l.systemd.IsNot("active-" + unit) }
	inside := func(may ...string) func() {
		return func() { l.inUnit("design", may...) }
	}
	const (
		byHand  = "DSS runs outside of its boot unit dataiku.design.service"
		byOwn   = "DSS was started by its own script; the unit dataiku.design.service shows inactive"
		noRight = "may start the boot unit dataiku.design.service"
	)
	failing := []string{"apply", "-auto-approve"}
	nightly := []string{"backup", "run", "-auto-approve"}
	for _, c := range []struct {
		name    string
		machine func()
		service string // declared
		args    []string
		codes   []int
		words   []string
		active  bool // the unit afterwards
		runs    bool // whether DSS was stopped at all
	}{
		// DSS was started by hand, and nobody may start the unit.
		{name: "by hand, a failing action", machine: outside, args: failing, codes: []int{6}, words: []string{byHand, "regenerate"}, runs: true},
		{name: "by hand, a backup", machine: outside, args: nightly, codes: []int{0}, words: []string{byHand}, runs: true},
		// DSS runs in the unit, which the account may stop and not start.
		{name: "may stop only, a failing action", machine: inside("stop"), args: failing, codes: []int{6}, words: []string{noRight, byOwn, "regenerate"}, runs: true},
		{name: "may stop only, a backup", machine: inside("stop"), args: nightly, codes: []int{0}, words: []string{noRight, byOwn}, runs: true},
		{name: "all rights, a failing action", machine: inside("start", "stop"), args: failing, codes: []int{6}, words: []string{"regenerate"}, active: true, runs: true},
		// What is declared or found is wrong: nothing is stopped.
		{name: "no such unit, a plan", service: `unit = "dataiku.nope"`, args: []string{"plan"}, codes: []int{1}, words: []string{"dataiku.nope.service does not exist", "is dataiku.design.service"}, active: true},
		{name: "no such unit, a backup", service: `unit = "dataiku.nope"`, args: nightly, codes: []int{1}, words: []string{"dataiku.nope.service does not exist"}, active: true},
		{
			name: "two units, a plan", machine: func() { l.systemd.Unit("dataiku.old.service", l.dss["design"].DataDir) },
			args: []string{"plan"}, codes: []int{1}, words: []string{"dataiku.design.service and dataiku.old.service", `service { unit = "dataiku.design.service" }`}, active: true,
		},
		{name: "two units, a backup", args: nightly, codes: []int{1}, words: []string{"dataiku.design.service and dataiku.old.service"}, active: true},
		{name: "two units, one declared", service: `unit = "dataiku.design"`, args: nightly, codes: []int{0}, active: true, runs: true},
	} {
		ok := t.Run(c.name, func(t *testing.T) {
			l.t = t
			if c.machine != nil {
				c.machine()
			}
			dest := l.backupEstate("retention {\n keep_last = 2\n }")
			path := filepath.Join(l.dir, "main.dss.hcl")
			raw, err := os.ReadFile(path)
			l.ok(err)
			more := "install_ini = {\n javaopts = { \"backend.xmx\" = \"3g\" }\n }\n"
			if c.service != "" {
				more += "service {\n" + c.service + "\n}\n"
			}
			write(t, l.dir, "main.dss.hcl", strings.Replace(string(raw), "\n  backup ", "\n"+more+"\n  backup ", 1))
			l.ok(os.MkdirAll(dest, 0o755))
			l.ok(l.dss["design"].SetFault(dsskit.Faults{dsskit.RegenerateFail: ""}))
			l.systemd.Calls()
			log, err := os.ReadFile(l.dss["design"].DataDir + "/install.ini")
			l.ok(err)

			o := l.run(c.args...).must(t, c.codes...)
			all := unwrapped(o.stdout + o.stderr)
			for _, w := range c.words {
				if !strings.Contains(all, w) {
					t.Errorf("%q is not in what it says:\n%s", w, o)
				}
			}
			if !l.running("design") {
				t.Errorf("DSS does not run\n%s", o)
			}
			if after, err := os.ReadFile(l.dss["design"].DataDir + "/install.ini"); err != nil || string(after) != string(log) {
				t.Errorf("install.ini is %s, %v", after, err)
			}
			if calls := l.systemd.Calls(); !c.runs && len(calls) > 0 {
				t.Errorf("it did %q", calls)
			}
			if c.runs == !strings.Contains(all, "Downtime") {
				t.Errorf("stopped: %s", o)
			}
			if l.systemd.Active(unit) != c.active {
				t.Errorf("the unit is active: %v", l.systemd.Active(unit))
			}
			if o := l.run("recover").must(t, 0); !strings.Contains(o.stdout, "No run is open") {
				t.Errorf("a run is still open: %s", o)
			}
		})
		if !ok {
			break
		}
	}
	l.t = t
}
