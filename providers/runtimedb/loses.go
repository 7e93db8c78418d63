package runtimedb

import (
	"context"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// verifyReceipt is what stood at the declared place before DSS began to write
// there.
type verifyReceipt struct {
	Rows int64     `json:"rows"`
	Time time.Time `json:"time"`
}

// lossTimeout bounds the counting.
const lossTimeout = 2 * time.Minute

// Loses says what DSS has written to PostgreSQL since the move: undoing the
// move goes back to the databases as they were before it.
func (verifyStep) Loses(ctx context.Context, c *providers.Call) (string, error) {
	var receipt verifyReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found {
		return "", err
	}
	_, r, err := connected(c)
	if err != nil {
		return "", err
	}
	return written(ctx, r, receipt), nil
}

// written says what DSS has written to the place since.
func written(ctx context.Context, r resolved, was verifyReceipt) string {
	since := sinceThen(was.Time)
	ctx, cancel := context.WithTimeout(ctx, lossTimeout)
	defer cancel()
	tables, err := pg.Count(ctx, r.login, r.place, nil)
	if err != nil {
		return fmt.Sprintf("what DSS has written to %s %s; how much cannot be seen now: %v", r.shownPlace(), since, err)
	}
	switch more := rowsOf(tables) - was.Rows; {
	case more > 0:
		return fmt.Sprintf("%s that DSS has written to %s %s", count(more, "row"), r.shownPlace(), since)
	case more < 0:
		return fmt.Sprintf("the work of DSS in %s %s: there are %s less than when it was moved", r.shownPlace(), since, count(-more, "row"))
	}
	return ""
}

func sinceThen(t time.Time) string { return "since " + t.Local().Format("2006-01-02 15:04") }

// Loses says what a Govern node has written to the tables that were made for it.
func (governInitStep) Loses(ctx context.Context, c *providers.Call) (string, error) {
	var receipt copyReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found || receipt.Before.Time.IsZero() {
		return "", err
	}
	_, r, err := governCall(c)
	if err != nil {
		return "", err
	}
	return written(ctx, r, receipt.Before), nil
}

// Loses says what a Govern node has written at another place than the one it is
// led back to. Where it had none before, see governInitStep.
func (governStep) Loses(_ context.Context, c *providers.Call) (string, error) {
	var receipt editReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found || receipt.Time.IsZero() {
		return "", err
	}
	original, _, kept, err := c.Instance.Original(c.Run, dss.PropertiesFile)
	if err != nil || !kept {
		return "", err
	}
	now, err := c.Instance.Properties()
	if err != nil {
		return "", err
	}
	before, had := dss.ParseProperties(original).Get(dss.GovernURL)
	if after, _ := now.Get(dss.GovernURL); !had || before == after {
		return "", nil
	}
	_, r, err := governCall(c)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("what the node has written to %s %s: it goes back to its former database", r.shownPlace(), sinceThen(receipt.Time)), nil
}

// Loses says what DSS has written to its embedded databases since it went back to
// them: undoing that leads to those in PostgreSQL again.
func (embedStep) Loses(_ context.Context, c *providers.Call) (string, error) {
	var receipt editReceipt
	if found, err := c.Receipt.Load(&receipt); err != nil || !found || receipt.Time.IsZero() {
		return "", err
	}
	for _, f := range h2Files(c.Instance.Path("databases")) {
		if f.changed.After(receipt.Time) {
			return "what DSS has written to its embedded databases " + sinceThen(receipt.Time), nil
		}
	}
	return "", nil
}
