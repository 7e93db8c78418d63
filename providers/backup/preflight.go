package backup

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter.
func (asider) Preflight(_ context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err == nil && c.Restore == nil {
		err = fmt.Errorf("the arguments of %s name no set", pc.Action.Kind)
	}
	if err != nil {
		return nil, err
	}
	names, err := c.exchanged(c.Instance.DataDir)
	if err != nil {
		return nil, err
	}
	return append(preflight.Movable(c.Instance, names), preflight.Companion(c.Instance)...), nil
}

// Preflight implements providers.Preflighter.
func (placer) Preflight(_ context.Context, pc *providers.Call) ([]preflight.Finding, error) {
	c, err := open(pc)
	if err != nil || c.Restore == nil || c.Restore.Elsewhere == nil {
		return nil, err
	}
	return append(preflight.Folder("The data directory cannot be made", filepath.Dir(c.Instance.DataDir)), preflight.Companion(c.Instance)...), nil
}
