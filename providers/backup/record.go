package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/providers/backup/retention"
)

// record is what state remembers of an instance's policies, by their names.
type record map[string]policyRecord

// policyRecord is what it remembers of one.
type policyRecord struct {
	Destination string `json:"destination"`
	// Adopted is when the policy came into the files: from then on its spans run.
	Adopted time.Time `json:"adopted,omitzero"`
	// Made says that the destination was claimed: it holds sets.
	Made bool `json:"made,omitempty"`
	// Schedule is the entry that dssctl installed; nil for none.
	Schedule *entry `json:"schedule,omitempty"`
	// Retention as it was applied last.
	Retention retention.Policy `json:"retention,omitzero"`
	// Verified and Tested are when the newest set was read again, and when one
	// was restored for trial.
	Verified time.Time `json:"verified,omitzero"`
	Tested   time.Time `json:"tested,omitzero"`
	// LastSet is the newest set that this dssctl published.
	LastSet string `json:"last_set,omitempty"`
}

func readRecord(raw json.RawMessage) (record, error) {
	r := record{}
	if len(raw) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, fmt.Errorf("the record of the backups cannot be read: %w", err)
	}
	return r, nil
}

// remember changes what state says of the call's policy.
func (c *call) remember(ctx context.Context, f func(*policyRecord)) error {
	raw, err := c.Recorded(ctx, Name)
	if err != nil {
		return err
	}
	r, err := readRecord(raw)
	if err != nil {
		return err
	}
	p := r[c.Name]
	f(&p)
	p.Destination = c.Destination
	r[c.Name] = p
	if c.Gone {
		delete(r, c.Name)
	}
	if len(r) == 0 {
		return c.Record(Name, nil)
	}
	return c.Record(Name, r)
}
