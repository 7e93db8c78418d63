package runtimedb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/pg"
)

// copyReceipt is saved before the copy begins, when the place is empty: from
// then on, what the role owns there is this run's.
type copyReceipt struct {
	Finished bool        `json:"finished"`
	Made     []pg.Object `json:"made,omitempty"`
	// Embedded are the files that undoing the copy leads back to.
	Embedded []string `json:"embedded,omitempty"`
	// Before is what there was before DSS wrote anything.
	Before verifyReceipt `json:"before,omitzero"`
}

// copyStep runs DSS's own copy of the embedded databases to PostgreSQL.
type copyStep struct{}

func (copyStep) Done(_ context.Context, c *providers.Call) (bool, error) {
	var r copyReceipt
	found, err := c.Receipt.Load(&r)
	return found && r.Finished, err
}

func (copyStep) Do(ctx context.Context, c *providers.Call) error {
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	var receipt copyReceipt
	begun, err := c.Receipt.Load(&receipt)
	if err != nil {
		return err
	}
	if begun {
		// A broken attempt of this run: what it made goes first.
		if err := restoreEmbedded(ctx, c); err != nil {
			return err
		}
		if err := dropOwn(ctx, r); err != nil {
			return err
		}
	} else if err := emptyPlace(ctx, r, a.Leftovers); err != nil {
		return err
	}
	if err := c.Receipt.Save(copyReceipt{}); err != nil {
		return err
	}
	stop := reportGrowth(ctx, c, r)
	watched, unwatch := pg.Watch(ctx, r.login, c.Clock)
	result, err := c.Instance.Dssadmin(watched, "copy-databases-to-external")
	silent := context.Cause(watched)
	unwatch()
	stop()
	if err != nil && ctx.Err() == nil && pg.KindOf(silent) == pg.Silent {
		return fmt.Errorf("copy the runtime databases: %w", silent)
	}
	c.Notice(commandNotice("copy-databases-to-external", result))
	if err != nil {
		return fmt.Errorf("copy the runtime databases: %w", err)
	}
	if line := errorLine(result); line != "" {
		c.Notice(fmt.Sprintf("the copy ended well, but printed what looks like an error: %s; compare the tables before you rely on it", line))
	}
	made, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return err
	}
	receipt = copyReceipt{Finished: true, Made: made}
	for _, f := range h2Files(c.Instance.Path("databases")) {
		receipt.Embedded = append(receipt.Embedded, f.name)
	}
	return c.Receipt.Save(receipt)
}

// reportGrowth tells every two seconds how many bytes have arrived, until the
// function it returns is called. What the command says of that is not public.
func reportGrowth(ctx context.Context, c *providers.Call, r resolved) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for c.Clock.Sleep(ctx, 2*time.Second) == nil {
			if n, err := pg.Bytes(ctx, r.login, r.place); err == nil {
				c.Progress(event.Progress{Done: n, Unit: "bytes", Note: "in PostgreSQL"})
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// commandNotice keeps the exit code and the end of the output for the journal.
func commandNotice(name string, result proc.Result) string {
	out := strings.TrimSpace(proc.Overwritten(string(result.Stdout) + "\n" + string(result.Stderr)))
	lines := strings.Split(out, "\n")
	if len(lines) > 20 {
		lines = append([]string{"…"}, lines[len(lines)-20:]...)
	}
	s := fmt.Sprintf("%s ended with exit code %d", name, result.ExitCode)
	if out == "" {
		return s + " and printed nothing"
	}
	return s + "; it printed:\n" + strings.Join(lines, "\n")
}

// looksLikeError finds what Java programs print when something goes wrong.
var looksLikeError = lazyregexp.New(`(?i)^\s+at \S+\(|exception|\berror\b`)

// errorLine returns the first line of the output that looks like an error, ""
// for none.
func errorLine(result proc.Result) string {
	for line := range strings.Lines(proc.Overwritten(string(result.Stdout) + "\n" + string(result.Stderr))) {
		if !looksLikeError.MatchString(line) {
			continue
		}
		text := []rune(strings.TrimSpace(line))
		if len(text) > 200 {
			text = append(text[:200], '…')
		}
		return string(text)
	}
	return ""
}

func copyCall(c *providers.Call) (copyArgs, resolved, error) {
	a, err := decode[copyArgs](c)
	if err != nil {
		return a, resolved{}, err
	}
	r, err := a.resolve(c)
	return a, r, err
}

// emptyPlace drops what earlier runs left and refuses anything else.
func emptyPlace(ctx context.Context, r resolved, leftovers []pg.Object) error {
	found, err := pg.Objects(ctx, r.login, r.place, false)
	if err != nil {
		return err
	}
	var drop []pg.Object
	var foreign []string
	for _, o := range found {
		if slices.Contains(leftovers, o) {
			drop = append(drop, o)
		} else {
			foreign = append(foreign, o.Name)
		}
	}
	if len(foreign) > 0 {
		return inUseError(r, foreign)
	}
	return pg.Drop(ctx, r.login, r.place.Schema, drop)
}

func dropOwn(ctx context.Context, r resolved) error {
	found, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return err
	}
	return pg.Drop(ctx, r.login, r.place.Schema, found)
}

func (copyStep) Verify(ctx context.Context, c *providers.Call) error {
	_, r, err := copyCall(c)
	if err != nil {
		return err
	}
	var receipt copyReceipt
	if _, err := c.Receipt.Load(&receipt); err != nil {
		return err
	}
	found, err := pg.Objects(ctx, r.login, r.place, false)
	if err != nil {
		return err
	}
	if len(receipt.Made) == 0 {
		return fmt.Errorf("copy the runtime databases: the command ended well, but %s holds no table of role %s", r.shownPlace(), r.login.User)
	}
	for _, o := range receipt.Made {
		if !slices.Contains(found, o) {
			return fmt.Errorf("copy the runtime databases: %s %s was copied and is gone", strings.ToLower(o.Kind), o.Name)
		}
	}
	return nil
}

// Undo drops exactly what this run made. When it cannot, the instance is whole
// all the same, and the next plan knows the tables again.
func (copyStep) Undo(ctx context.Context, c *providers.Call) error {
	var receipt copyReceipt
	if begun, err := c.Receipt.Load(&receipt); err != nil || !begun {
		return err
	}
	a, r, err := copyCall(c)
	if err != nil {
		return err
	}
	if receipt.Finished {
		if err := pg.Drop(ctx, r.login, r.place.Schema, receipt.Made); err != nil {
			return left(c, a.Former, r, receipt.Made, false, err)
		}
		return leaveMore(ctx, c, a.Former, r)
	}
	if err := restoreEmbedded(ctx, c); err != nil {
		return err
	}
	found, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil {
		return left(c, a.Former, r, nil, true, err)
	}
	if err := pg.Drop(ctx, r.login, r.place.Schema, found); err != nil {
		return left(c, a.Former, r, found, false, err)
	}
	return nil
}

// leaveMore leaves alone what the copy or transfer did not make. What the role
// made is remembered: the next plan knows from which run it is.
func leaveMore(ctx context.Context, c *providers.Call, former record, r resolved) error {
	more, err := pg.Objects(ctx, r.login, r.place, false)
	if err != nil || len(more) == 0 {
		return nil //nolint:nilerr // the undo is complete; this is only to tell
	}
	c.Notice(fmt.Sprintf("left alone in %s, because the copy did not make them: %s", r.shownPlace(), firstObjects(more)))
	mine, err := pg.Objects(ctx, r.login, r.place, true)
	if err != nil || len(mine) == 0 {
		return nil //nolint:nilerr // as above
	}
	return former.remain(c, r, leftover{Objects: mine, ByDSS: true})
}

// restoreEmbedded puts the H2 files back: a copy that was broken off may have
// left them in any state, and DSS has not run since the window began.
func restoreEmbedded(ctx context.Context, c *providers.Call) error {
	if err := c.PutBack(ctx, "databases"); err != nil {
		return fmt.Errorf("put the embedded databases back after a copy that was broken off: %w", err)
	}
	return nil
}

// transferReceipt is saved before the commit of a transfer.
type transferReceipt struct {
	Planned []pg.Object `json:"planned"`
}

var errNoSource = errors.New("carry the tables over: dssctl has no login for the place where they are: declare it in a block source { user, password }")
