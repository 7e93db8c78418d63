package dss

import (
	"context"

	"github.com/dssctl/dssctl/internal/proc"
)

// StartCommand returns the command that starts DSS, as the account that runs
// dssctl would type it in a shell: for the text that leaves a person with a DSS
// that is down. It answers at once or after a few seconds, also when ctx has
// ended, and never fails: the data directory's own script always works.
func (in *Instance) StartCommand(_ context.Context) string {
	unit, err := in.Unit()
	if err != nil || unit == "" {
		return proc.CommandLine(in.Path("bin", "dss"), "start")
	}
	return proc.CommandLine("sudo", "systemctl", "start", unit)
}
