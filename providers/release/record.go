package release

import (
	"context"
	"encoding/json"
	"fmt"
)

// record is what state remembers.
type record struct {
	// Version is the one that was declared and proven last.
	Version string `json:"version,omitempty"`
	// Kits are the folders that dssctl unpacked, the newest last.
	Kits []kitRecord `json:"kits,omitempty"`
	// Integrations by their key: for which version each was installed last.
	Integrations map[string]installed `json:"integrations,omitempty"`
	// Manual are the steps that wait for a person, by key.
	Manual map[string]manual `json:"manual,omitempty"`
}

type kitRecord struct {
	Dir     string `json:"dir"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of its archive
}

type installed struct {
	Version string   `json:"version"`
	Args    []string `json:"args,omitempty"`
}

// manual is a step for a person.
type manual struct {
	Key     string `json:"key"`
	Title   string `json:"title"`
	Command string `json:"command"`
	Why     string `json:"why"`
	// Version is the one that it is needed for.
	Version string   `json:"version"`
	Args    []string `json:"args,omitempty"`
	// Sign is the file that it writes, and Was how that was when it was left to
	// a person.
	Sign string `json:"sign,omitempty"`
	Was  string `json:"was,omitempty"`
}

func readRecord(raw json.RawMessage) (record, error) {
	var r record
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r); err != nil {
			return record{}, fmt.Errorf("what state remembers of the release cannot be read: %w", err)
		}
	}
	if r.Integrations == nil {
		r.Integrations = map[string]installed{}
	}
	if r.Manual == nil {
		r.Manual = map[string]manual{}
	}
	return r, nil
}

func (r *record) empty() bool {
	return r.Version == "" && len(r.Kits) == 0 && len(r.Integrations) == 0 && len(r.Manual) == 0
}

// remember changes what state says, with what the run's earlier steps made of
// it.
func (c *call) remember(ctx context.Context, f func(*record)) error {
	raw, err := c.Recorded(ctx, Name)
	if err != nil {
		return err
	}
	r, err := readRecord(raw)
	if err != nil {
		return err
	}
	f(&r)
	if r.empty() {
		return c.Record(Name, nil)
	}
	return c.Record(Name, r)
}
