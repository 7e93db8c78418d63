package runtimedb

import (
	"context"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/providers"
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
	since := "since " + receipt.Time.Local().Format("2006-01-02 15:04")
	ctx, cancel := context.WithTimeout(ctx, lossTimeout)
	defer cancel()
	tables, err := pg.Count(ctx, r.login, r.place, nil)
	if err != nil {
		return fmt.Sprintf("what DSS has written to %s %s; how much cannot be seen now: %v", r.shownPlace(), since, err), nil
	}
	switch more := rowsOf(tables) - receipt.Rows; {
	case more > 0:
		return fmt.Sprintf("%s that DSS has written to %s %s", count(more, "row"), r.shownPlace(), since), nil
	case more < 0:
		return fmt.Sprintf("the work of DSS in %s %s: there are %s less than when it was moved", r.shownPlace(), since, count(-more, "row")), nil
	}
	return "", nil
}
