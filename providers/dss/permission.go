package dss

import (
	"context"
	"os"
	"strconv"

	"github.com/dssctl/dssctl/internal/proc"
)

// Permission is whether the account may do something with a unit.
type Permission int

const (
	// NotTold is where neither sudo nor polkit says yes, and a rule of polkit's
	// that names the unit could.
	NotTold Permission = iota
	// ByPolkit is where polkit says yes.
	ByPolkit
	// BySudo is where a rule of sudo says yes.
	BySudo
	// Denied is where nobody is left who could say yes.
	Denied
)

// OK reports whether somebody says yes.
func (p Permission) OK() bool { return p == ByPolkit || p == BySudo }

// May asks, without doing anything, whether the account may run systemctl's verb
// on the unit: sudo lists its rules, and polkit tells what it knows of all units.
// Of a rule for one unit polkit tells nobody but root.
func (in *Instance) May(ctx context.Context, verb, unit string) Permission {
	for _, name := range unitNames(unit) {
		_, err := in.o.Runner.Run(ctx, proc.Cmd{
			Path: "sudo", Args: []string{"-n", "-l", "systemctl", verb, name}, Dir: "/", Env: plainWords, Timeout: askTimeout,
		})
		if err == nil {
			return BySudo
		}
		if exit, ran := asExit(err); !ran || exit.Timeout {
			break // there is no sudo, or it waits for somebody
		}
	}
	_, err := in.o.Runner.Run(ctx, proc.Cmd{
		Path: "pkcheck", Args: []string{"--action-id", "org.freedesktop.systemd1.manage-units", "--process", strconv.Itoa(os.Getpid())},
		Dir: "/", Env: plainWords, Timeout: askTimeout,
	})
	if err == nil {
		return ByPolkit
	}
	if _, ran := asExit(err); !ran {
		return Denied // no polkit: except through sudo, systemd listens to root alone
	}
	return NotTold
}
