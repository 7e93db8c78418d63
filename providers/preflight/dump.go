package preflight

import (
	"context"

	"github.com/dssctl/dssctl/providers/pg"
)

// Dumpable looks whether the runtime databases can be dumped: a program is there
// that can, and all that has their prefix could be made again.
func Dumpable(ctx context.Context, tools pg.Tools, d pg.Dump) ([]Finding, error) {
	_, err := tools.CheckDump(ctx, d)
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return []Finding{{Severity: Error, What: "The runtime databases cannot be dumped", Found: err.Error()}}, nil
}
