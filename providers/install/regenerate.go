package install

import (
	"context"
	"errors"
	"fmt"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// regenerate performs install.regenerate. What DSS makes of install.ini is its
// own business, so nothing but its exit code can be checked, and a command that
// a crash interrupted is run again: it may be run as often as one likes.
type regenerate struct{}

// regenerated remembers that the command ended well, for which install.ini.
type regenerated struct {
	File string `json:"file"` // the fingerprint of all bytes
}

// Done reports whether it ended well in this run.
func (regenerate) Done(_ context.Context, c *providers.Call) (bool, error) {
	var r regenerated
	found, err := c.Receipt.Load(&r)
	if err != nil || !found {
		return false, err
	}
	sum, err := iniSum(c)
	return err == nil && secret.Equal(r.File, sum), err
}

func iniSum(c *providers.Call) (string, error) {
	file, err := c.Instance.InstallINI()
	if err != nil {
		return "", err
	}
	return fileSum(c.Key, file.Bytes()), nil
}

// Do runs the command.
func (regenerate) Do(ctx context.Context, c *providers.Call) error {
	a, err := arguments(c)
	if err != nil {
		return err
	}
	if err := run(ctx, c, a.Govern); err != nil {
		return err
	}
	sum, err := iniSum(c)
	if err != nil {
		return err
	}
	return c.Receipt.Save(regenerated{sum})
}

// run has DSS regenerate its configuration. DSS must be stopped: run while it
// runs, the command can leave one that cannot be stopped any more.
func run(ctx context.Context, c *providers.Call, govern bool) error {
	state, _, err := c.Instance.State(ctx)
	if err != nil {
		return fmt.Errorf("run %s: is DSS stopped? %w", regenerateCommand(govern), err)
	}
	if state != dss.ServiceStopped {
		return fmt.Errorf("run %s: DSS is %s, and it must be stopped", regenerateCommand(govern), state)
	}
	if govern {
		_, err = c.Instance.GovernAdmin(ctx, "regenerate-config")
	} else {
		_, err = c.Instance.Dssadmin(ctx, "regenerate-config")
	}
	if err != nil {
		return fmt.Errorf("have DSS regenerate its configuration: %w", err)
	}
	return nil
}

// Verify checks that install.ini is still what the command was run for: a
// command that writes there would undo the edit.
func (r regenerate) Verify(ctx context.Context, c *providers.Call) error {
	done, err := r.Done(ctx, c)
	if err != nil {
		return err
	}
	if !done {
		return errors.New("install.ini has changed since DSS regenerated its configuration from it")
	}
	return nil
}

// Undo has nothing to do: undoing the edit of install.ini, which comes next,
// runs the command again.
func (regenerate) Undo(context.Context, *providers.Call) error { return nil }
