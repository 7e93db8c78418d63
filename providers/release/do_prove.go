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
	if err := c.says(ctx); err != nil {
		return err
	}
	if err := c.pruneRuns(ctx); err != nil {
		c.Notice(fmt.Sprintf("what older upgrades kept could not be removed: %v", err))
	}
	return c.remember(ctx, func(r *record) { r.Version = c.Version })
}

// says asks the running DSS for its version. Another one is an error. None is not: not
// every version and node type tells it, and the files and a DSS that is ready are
// proof enough.
func (c *call) says(ctx context.Context) error {
	if c.APIKey == nil || c.NodeType == "api" {
		return nil
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	info, err := api.Info(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("ask DSS for its version after the upgrade to %s: %w", c.Version, err)
	case info.Version == "":
		c.Notice(fmt.Sprintf("DSS is ready and its public API does not tell its version: that it is %s is known from dss-version.json", c.Version))
	case info.Version != c.Version:
		return fmt.Errorf("DSS says that it is of version %s, expected %s: another DSS may answer on its port, or the one that was started is not the new one", info.Version, c.Version)
	}
	return nil
}

func (prover) Undo(context.Context, *providers.Call) error { return nil }
