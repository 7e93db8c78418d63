// Package state is dssctl's memory: what it made or owns, fingerprints of
// secrets, and the journal of runs. It is never a second truth: with the state
// lost, the next plan is still right. It holds no secret but its own key.
//
// Store is the contract; the folder .dssctl beside the estate's files is its
// first implementation.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/secret"
)

// Meta identifies a state.
type Meta struct {
	// Lineage is random, made once; Serial grows with each write.
	Lineage string
	Serial  int64
	// Key makes the fingerprints.
	Key secret.Key
}

// Instance is what is remembered of one instance.
type Instance struct {
	DataDir string `json:"data_dir"`
	// Aspects holds each aspect's own record by block name.
	Aspects map[string]json.RawMessage `json:"aspects,omitempty"`
	// Protected survives the removal of the block.
	Protected bool `json:"protected,omitempty"`
	// Throughput of past actions, by kind, in bytes a second.
	Throughput map[string]float64 `json:"throughput,omitempty"`
	// LastRun is the newest run that touched the instance.
	LastRun string    `json:"last_run,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// RunStatus is how a run stands.
type RunStatus string

// The states of a run. Running and Failed are open: they want `recover`.
const (
	Running     RunStatus = "running"     // or killed
	Failed      RunStatus = "failed"      // stopped part-way
	Done        RunStatus = "done"        //
	RolledBack  RunStatus = "rolled_back" // everything undone
	Interrupted RunStatus = "interrupted" // stopped in a clean place
)

// Open reports whether the run must be closed by recover.
func (s RunStatus) Open() bool { return s == Running || s == Failed }

// Run is the head of a run.
type Run struct {
	ID      string    `json:"id"`
	Status  RunStatus `json:"status"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Who     Holder    `json:"who"`
	Why     string    `json:"why"` // the command, without its arguments' values
	// Unattended says that nobody waits for the run: broken off, it may be undone
	// without asking.
	Unattended bool `json:"unattended,omitempty"`
	// Instances touched, by address.
	Instances []string `json:"instances"`
}

// Record is one line of a journal.
type Record struct {
	// Seq counts from 1. The store sets it, and Time where it is zero.
	Seq  int       `json:"seq"`
	Time time.Time `json:"time"`
	// Type is the executor's: "begin", "receipt", "end", "undo_begin", …
	Type   string          `json:"type"`
	Action string          `json:"action,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// Journal is the log of one run. What Append returned for survives a crash.
type Journal interface {
	Run() Run
	// Plan returns the bytes given to CreateRun.
	Plan(ctx context.Context) ([]byte, error)
	Append(ctx context.Context, r Record) error
	// Records returns all whole records in order; a torn last line is dropped.
	Records(ctx context.Context) ([]Record, error)
	// SetStatus sets the status, and Ended with every status but Running.
	SetStatus(ctx context.Context, s RunStatus) error
	Close() error
}

// Holder says who holds a lock.
type Holder struct {
	Host   string    `json:"host"`
	PID    int       `json:"pid"`
	BootID string    `json:"boot_id"`
	User   string    `json:"user"`
	Why    string    `json:"why"`
	Since  time.Time `json:"since"`
	Beat   time.Time `json:"beat"`
}

// Lease is a held lock.
type Lease interface {
	// Lost is closed when the lease could not be kept.
	Lost() <-chan struct{}
	Release(ctx context.Context) error
}

// LockedError says that somebody else holds the lock.
type LockedError struct {
	What   string
	Holder Holder
	// Stale says that the holder is known to be gone.
	Stale bool
}

func (e *LockedError) Error() string {
	const advice = "wait for it to end; `dssctl state unlock` breaks the lock, only when you are sure that nothing runs"
	h := e.Holder
	if h.PID == 0 {
		return fmt.Sprintf("%s is locked by a process that has not said who it is; %s", e.What, advice)
	}
	return fmt.Sprintf("%s is locked by %s@%s (process %d) since %s: %s; %s",
		e.What, h.User, h.Host, h.PID, h.Since.Format(time.RFC3339), h.Why, advice)
}

// ErrNotFound is returned for a run or an instance that is not known.
var ErrNotFound = errors.New("not found in the state")

// Store keeps the state of one estate.
type Store interface {
	// Where names the place for messages.
	Where() string
	// Meta returns the identity, making it at the first use.
	Meta(ctx context.Context) (Meta, error)
	// Instances returns every record in one read, by address.
	Instances(ctx context.Context) (map[string]Instance, error)
	// Update changes one instance's record in one durable step; f is given the
	// record as it is, zero when there is none, and may return ErrNotFound to
	// remove it. Any other error leaves the record alone and is returned. The
	// store sets Updated.
	Update(ctx context.Context, address string, f func(*Instance) error) error
	// UpdateAll does that for several instances, all in one durable step: an
	// error leaves every record alone.
	UpdateAll(ctx context.Context, addresses []string, f func(address string, in *Instance) error) error

	// CreateRun begins a run. ID, Status, Started and Who are filled in where
	// they are zero.
	CreateRun(ctx context.Context, r Run, plan []byte) (Journal, error)
	OpenRun(ctx context.Context, id string) (Journal, error)
	// Runs returns all heads, the newest first.
	Runs(ctx context.Context) ([]Run, error)
	// LogPath is the file in which a process that works on a run where nobody
	// listens writes what it says. It goes with the run.
	LogPath(id string) string
	// DropRun forgets a closed run for good; an open one is refused. The caller
	// holds the lock.
	DropRun(ctx context.Context, id string) error

	// Lock takes the estate's lock or returns a *LockedError. A lock whose
	// holder is known to be gone is taken over.
	Lock(ctx context.Context, why string) (Lease, error)
	// Holder returns who holds the lock; nil when it is free.
	Holder(ctx context.Context) (*Holder, error)
	// Unlock breaks the lock, whoever holds it.
	Unlock(ctx context.Context) error
	Close() error
}
