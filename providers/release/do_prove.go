package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/dssctl/dssctl/providers"
)

// prover performs release.prove: the running DSS is of the new version.
type prover struct{}

func (prover) Done(context.Context, *providers.Call) (bool, error) { return false, nil }
func (prover) Do(context.Context, *providers.Call) error           { return nil }

func (prover) Verify(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	if err := c.attached(c.Version, c.Kit); err != nil {
		return err
	}
	ready, err := c.Instance.Ready(ctx)
	if err == nil && !ready {
		err = errors.New("DSS does not answer")
	}
	if err != nil {
		return err
	}
	if c.APIKey != nil && c.NodeType != "api" {
		key, err := c.APIKey.Reveal(c.Secrets)
		if err != nil {
			return err
		}
		info, err := c.Instance.API(key).Info(ctx)
		switch {
		case err != nil:
			return err
		case info.Version != c.Version:
			return fmt.Errorf("DSS says that it is of version %q and not of %s", info.Version, c.Version)
		}
	}
	if err := c.pruneRuns(ctx); err != nil {
		c.Notice(fmt.Sprintf("what older upgrades kept could not be removed: %v", err))
	}
	return c.remember(ctx, func(r *record) { r.Version = c.Version })
}

func (prover) Undo(context.Context, *providers.Call) error { return nil }
