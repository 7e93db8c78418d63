package dss

import (
	"context"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

// StartCommand returns the command that starts DSS, as the account that owns it
// would type it in a shell: for the text that leaves a person with a DSS that is
// down. It names the boot unit only where that account is known to be allowed to
// start it, for the data directory's own script always works. It answers within
// seconds, also when ctx has ended, and never fails.
func (in *Instance) StartCommand(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startCommandTimeout)
	defer cancel()
	if unit, err := in.Unit(ctx); err == nil && unit != "" && in.AskUnit(ctx, unit).Startable() {
		switch in.May(ctx, "start", unit) {
		case BySudo:
			return proc.CommandLine("sudo", "systemctl", "start", unit)
		case ByPolkit:
			return proc.CommandLine("systemctl", "start", unit)
		}
	}
	return proc.CommandLine(in.Path("bin", "dss"), "start")
}

const startCommandTimeout = 15 * time.Second

// Account is the login name of the account that owns the instance.
func (in *Instance) Account() string { return accountName(in.uid) }
