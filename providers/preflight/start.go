package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers/dss"
)

// Start finds what stands in the way of starting DSS: who may, and by what. An
// error is where DSS could be stopped and not started again, or where the boot
// unit that is declared is wrong; a warning is where DSS will be started by its
// own script though a boot unit owns it.
func Start(ctx context.Context, in *dss.Instance) ([]Finding, error) {
	unit, err := in.Unit(ctx)
	var several *dss.AmbiguousUnitError
	switch {
	case errors.As(err, &several):
		return []Finding{{
			What:     "it is not clear which boot unit owns DSS",
			Found:    fmt.Sprintf("%s name %s", strings.Join(several.Units, " and "), several.DataDir),
			Expected: "one boot unit",
			Remedy:   fmt.Sprintf("Say which one starts and stops it, service { unit = %q }, or remove the others.", several.Units[0]),
		}}, nil
	case err != nil:
		return nil, err
	}
	s := &starting{ctx: ctx, in: in, unit: unit, own: ownScript(in)}
	if unit != "" {
		if err := s.lookAtUnit(); err != nil {
			return nil, err
		}
	} else if s.own != nil {
		s.found = append(s.found, *s.own)
	}
	return s.found, nil
}

// ownScript says why the data directory's own script cannot be run; nil when it
// can.
func ownScript(in *dss.Instance) *Finding {
	path := in.Path("bin", "dss")
	err := unix.Access(path, unix.X_OK)
	if err == nil {
		return nil
	}
	return &Finding{
		What: "DSS's own script cannot be run", Where: path, Found: err.Error(), Expected: "a program that this account may run",
		Remedy: "Check its mode, whether the kit that it leads to is there, and that neither is on a volume mounted noexec.",
	}
}

// starting is a look at how an instance can be started.
type starting struct {
	ctx   context.Context
	in    *dss.Instance
	unit  string
	own   *Finding // why the own script cannot be run
	found []Finding
}

// fallback notes that DSS will be started by its own script, or, where that
// cannot be run either, that it cannot be started.
func (s *starting) fallback(f Finding) {
	if s.own != nil {
		f.Found += "; and bin/dss cannot be run: " + s.own.Found
		f.Remedy = s.own.Remedy
		s.found = append(s.found, f)
		return
	}
	f.Severity = Warning
	s.found = append(s.found, f)
}

func (s *starting) lookAtUnit() error {
	u := s.in.AskUnit(s.ctx, s.unit)
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	declared := s.in.UnitIsConfigured()
	switch {
	case u.Silent != "":
		s.silent(u, declared)
	case u.Load == "not-found" && declared:
		s.found = append(s.found, s.nope("systemd knows no such unit"))
	case u.Load != "loaded" && !u.IsActive():
		s.fallback(Finding{
			What: "the boot unit " + s.unit + " cannot be started", Found: loadState(u.Load), Expected: "a unit that systemd can start",
			Remedy: "DSS is started by its own script then, and the unit shows inactive. Put the unit right, or declare service { unit = \"none\" }.",
		})
	default:
		return s.rights(u)
	}
	return nil
}

// nope is a declared unit that does not exist.
func (s *starting) nope(found string) Finding {
	f := Finding{
		What: "the boot unit " + s.unit + " does not exist", Found: found, Expected: "a unit that starts " + s.in.DataDir,
		Remedy: "Correct `unit` in the block service, or remove it: dssctl finds no unit by itself, and would use bin/dss.",
	}
	if resolved, err := s.in.FindUnit(s.ctx); err == nil && resolved != "" {
		f.Remedy = fmt.Sprintf("The unit that names the data directory is %s: correct `unit` in the block service, or remove it.", resolved)
	}
	return f
}

// silent is a systemd that does not tell.
func (s *starting) silent(u dss.UnitState, declared bool) {
	switch {
	case declared && !s.in.UnitFileExists(s.unit) && !u.Hangs:
		s.found = append(s.found, s.nope("systemd does not tell ("+u.Silent+"), and there is no file of that name"))
	case u.Hangs || declared:
		s.fallback(Finding{
			What: "systemd does not tell about the boot unit " + s.unit, Found: u.Silent, Expected: "an answer of `systemctl show " + s.unit + "`",
			Remedy: "DSS is stopped and started by its own script meanwhile, unless it runs in the unit.",
		})
	case s.own != nil:
		s.found = append(s.found, *s.own)
	}
}

// rights looks at a unit that systemd can start, or that runs.
func (s *starting) rights(u dss.UnitState) error {
	switch {
	case u.IsActive():
		s.mayRestart(u)
		return nil
	case s.own != nil:
		s.found = append(s.found, *s.own) // nor can DSS be asked whether it runs
		return nil
	}
	state, _, err := s.in.State(s.ctx)
	var unknown *dss.UnknownStatusError
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	if state != dss.ServiceStopped {
		// Whoever started it used the script, and so does dssctl.
		s.fallback(Finding{
			What: "DSS runs outside of its boot unit " + s.unit, Found: "the unit is " + u.Active + ", and DSS runs", Expected: "DSS in the unit",
			Remedy: "DSS is stopped and started by its own script, and the unit goes on showing " + u.Active + ". To put it right, stop DSS by bin/dss and start it by " + sudo("start", s.unit) + ".",
		})
		return nil
	}
	if p := s.in.May(s.ctx, "start", s.unit); !p.OK() {
		s.fallback(s.notAllowed("start", p))
	}
	return nil
}

// mayRestart looks at the rights to stop the unit in which DSS runs, and to start
// it again.
func (s *starting) mayRestart(u dss.UnitState) {
	stop := s.in.May(s.ctx, "stop", s.unit)
	start := s.in.May(s.ctx, "start", s.unit)
	switch {
	case u.Load == "masked":
		s.fallback(Finding{
			What: "the boot unit " + s.unit + " can be stopped and not started", Found: loadState(u.Load), Expected: "a unit that systemd can start",
			Remedy: "DSS is started by its own script then, and the unit shows inactive. Unmask it: " + sudo("unmask", s.unit) + ".",
		})
	case stop == dss.Denied:
		s.found = append(s.found, s.notAllowed("stop", stop))
	case !stop.OK():
		f := s.notAllowed("stop", stop)
		f.Severity = Warning
		s.found = append(s.found, f)
	case !start.OK():
		s.fallback(s.notAllowed("start", start))
	}
}

// notAllowed is a right that the account does not have, as far as can be told.
func (s *starting) notAllowed(verb string, p dss.Permission) Finding {
	f := Finding{
		What:  fmt.Sprintf("the account %s may not %s the boot unit %s", s.in.Account(), verb, s.unit),
		Found: "sudo lists no such right", Expected: "the right to start and stop the unit",
	}
	if p == dss.NotTold {
		f.What = fmt.Sprintf("it is not known whether the account %s may %s the boot unit %s", s.in.Account(), verb, s.unit)
		f.Found += ", and polkit tells nobody but root of rules for one unit"
	}
	f.Remedy = fmt.Sprintf("Allow it in sudoers: `%s ALL=(root) NOPASSWD: /usr/bin/systemctl start %[2]s, /usr/bin/systemctl stop %[2]s`", s.in.Account(), s.unit)
	if verb == "start" {
		f.Remedy += ". Without it DSS is started by its own script, and the unit shows inactive."
	} else {
		f.Remedy += ". Without it the run ends at the stop, with DSS up."
	}
	return f
}

func loadState(load string) string {
	switch load {
	case "not-found":
		return "systemd does not know it (LoadState=not-found): its file is there, perhaps not loaded (`systemctl daemon-reload`)"
	case "masked":
		return "it is masked"
	default:
		return "systemd cannot load it (LoadState=" + load + ")"
	}
}

func sudo(verb, unit string) string {
	return "`" + proc.CommandLine("sudo", "systemctl", verb, unit) + "`"
}
