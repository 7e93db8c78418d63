package origin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
)

// How long looking at the source's size, its stop and its start may take where
// its block service says nothing else.
const (
	sizeTimeout  = 5 * time.Second
	stopTimeout  = 10 * time.Minute
	startTimeout = 15 * time.Minute
)

// source is the instance that a clone is made of.
type source struct {
	Address   string       `json:"address"`
	DataDir   string       `json:"data_dir"`
	Companion string       `json:"companion_dir,omitempty"`
	Unit      string       `json:"unit,omitempty"`
	InstallID string       `json:"installid,omitempty"`
	Stop      string       `json:"stop_timeout,omitempty"`
	Start     string       `json:"start_timeout,omitempty"`
	APIKey    *secret.Text `json:"api_key,omitempty"`
	// Held is the kind of snapshot that is copied, see still.Kinds, while the
	// source runs; "" where it is stopped for the copy. Sudo: through `sudo -n`.
	Held string `json:"held,omitempty"`
	Sudo bool   `json:"sudo,omitempty"`
	// Kit is the source's own. Links are those at the top of its data directory
	// that the clone does not get as links.
	Kit   string   `json:"kit,omitempty"`
	Links []linked `json:"links,omitempty"`
}

func sourceOf(in *config.Instance, f dss.Facts) *source {
	s := &source{Address: in.Address, DataDir: in.DataDir, Companion: in.String("companion_dir"), Unit: unitOf(in), InstallID: f.InstallID, Kit: f.InstallDir}
	if in.Has("api_key") {
		key := in.Text("api_key")
		s.APIKey = &key
	}
	if b := in.Child("service"); b != nil {
		s.Stop, s.Start = b.String("stop_timeout"), b.String("start_timeout")
	}
	return s
}

func unitOf(in *config.Instance) string {
	if b := in.Child("service"); b != nil {
		return b.String("unit")
	}
	return ""
}

func openSource(at *dss.Instance, s *source) (*dss.Instance, error) {
	return at.Beside(s.DataDir, s.Companion, s.Unit)
}

func span(s string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d
	}
	return fallback
}

// lock keeps every other dssctl off the source. The one that this very run
// holds, because it changes the source too, will do.
func (c *call) lock(src *dss.Instance) (func() error, error) {
	release, err := src.LockBeside("clone it to " + c.Instance.DataDir)
	var held *dss.LockedError
	if errors.As(err, &held) && held.Known && held.Holder.PID == os.Getpid() {
		return func() error { return nil }, nil
	}
	return release, err
}

// halt stops the source, where nothing runs in it that somebody waits for. by is
// told how, before that.
func (c *call) halt(ctx context.Context, src *dss.Instance, by func(dss.Way) error) error {
	if c.Source.APIKey != nil {
		key, err := c.Source.APIKey.Reveal(c.Secrets)
		if err != nil {
			return err
		}
		running, err := src.API(key).Running(ctx)
		if err != nil {
			return fmt.Errorf("see what runs in %s: %w", c.Source.Address, err)
		}
		if n := len(running); n > 0 {
			var names []string
			for _, r := range running[:min(n, 5)] {
				names = append(names, r.String())
			}
			return fmt.Errorf("%s is to be stopped for the copy, and %d of its jobs, scenarios or notebooks run: %s; wait for their end, and apply again", c.Source.Address, n, strings.Join(names, ", "))
		}
	}
	way, err := src.StopWay(ctx)
	if err != nil {
		return err
	}
	if err := by(way); err != nil {
		return err
	}
	c.note("stopping " + c.Source.Address)
	if err := src.StopBy(ctx, way); err != nil {
		return err
	}
	return src.WaitStopped(ctx, span(c.Source.Stop, stopTimeout))
}

// restart starts the source again, by what has stopped it, and waits until it is
// ready.
func (c *call) restart(ctx context.Context, src *dss.Instance, by *dss.Way) error {
	// Whatever happened, and also when the run was told to end: a source that
	// is left stopped is worse than a copy that broke off.
	ctx = context.WithoutCancel(ctx)
	state, _, err := src.State(ctx)
	timeout := span(c.Source.Start, startTimeout)
	switch {
	case err != nil:
	case state == dss.ServiceStopped:
		c.note("starting " + c.Source.Address)
		err = src.Up(ctx, dss.BringUp{By: by, Timeout: timeout, Last: true, Note: c.note, Notice: c.Notice})
	default:
		err = src.WaitReady(ctx, timeout, c.note)
	}
	if err != nil {
		return fmt.Errorf("start %s again, which was stopped for the copy: %w\nTo start it by hand, as the account %s: %s", c.Source.Address, err, src.Account(), src.StartCommand(ctx))
	}
	return nil
}
