package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/state"
)

// JournalLine is a record of a run's journal for a reader. What only a
// performer understands (receipts, sums) is left out.
type JournalLine struct {
	Time   time.Time
	Type   string
	Action string
	Text   string
}

// ReadJournal returns what a run's journal says, in order.
func ReadJournal(ctx context.Context, store state.Store, id string) ([]JournalLine, error) {
	j, err := store.OpenRun(ctx, id)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	records, err := j.Records(ctx)
	if err != nil {
		return nil, fmt.Errorf("journal of run %s: %w", id, err)
	}
	out := make([]JournalLine, 0, len(records))
	for _, r := range records {
		line := JournalLine{Time: r.Time, Type: r.Type, Action: r.Action}
		switch r.Type {
		case recReceipt:
			continue
		case recNotice, recKept, recFailed, recUndoFailed, recUndoLeftover:
			var d textData
			if err := json.Unmarshal(r.Data, &d); err != nil {
				return nil, fmt.Errorf("run %s: record %d of the journal (%s): %w", id, r.Seq, r.Type, err)
			}
			line.Text = d.Text
		case recProcess:
			var d processData
			if err := json.Unmarshal(r.Data, &d); err != nil {
				return nil, fmt.Errorf("run %s: record %d of the journal (%s): %w", id, r.Seq, r.Type, err)
			}
			line.Text = d.Command
		}
		out = append(out, line)
	}
	return out, nil
}
