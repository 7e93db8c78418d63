package preflight

import (
	"context"

	"github.com/dssctl/dssctl/providers/dss"
)

// Standing is a check that needs no action: whatever is done to an instance would
// need it.
type Standing struct {
	// Name in a list of checks, such as "files to edit".
	Name string
	// Fine says what is so where nothing is found.
	Fine string
	Look func(ctx context.Context, in *dss.Instance) ([]Finding, error)
}

// StandingChecks are all of them, in the order in which they are told. A new check
// is a file with its function, and a line here.
func StandingChecks() []Standing {
	return []Standing{
		{"state of DSS", "it can be told whether DSS runs", func(ctx context.Context, in *dss.Instance) ([]Finding, error) {
			return State(ctx, in, false)
		}},
		{"stop of DSS", "it ends nothing but DSS", Tied},
		{"commands", "those in bin can be run", func(_ context.Context, in *dss.Instance) ([]Finding, error) {
			return Kit{DataDir: in.DataDir}.Commands(), nil
		}},
		{"files to edit", "each can be replaced and put back", func(_ context.Context, in *dss.Instance) ([]Finding, error) {
			return Replaceable(in, Edited(in)...), nil
		}},
		{"dssctl's folder", "originals and safety backups can be kept", func(_ context.Context, in *dss.Instance) ([]Finding, error) {
			return Companion(in), nil
		}},
		{"stop and start", "DSS can be stopped and started again", Start},
		{"safety backup", "everything can be read, and there is room for a copy", SafetyBackup},
	}
}
