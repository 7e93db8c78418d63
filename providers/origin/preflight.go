package origin

import (
	"context"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter: a source is not stopped for a copy
// that has no place.
func (checker) Preflight(_ context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil {
		return nil, err
	}
	return append(preflight.Folder("The data directory cannot be made", c.place()), preflight.Companion(c.Instance)...), nil
}
