package executor

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/state"
)

// The types of a run's records. Each is durable before what follows it happens.
const (
	recBegin        = "begin"         // an action is about to be done
	recReceipt      = "receipt"       // what its performer must remember
	recProcess      = "process"       // a command that it started
	recNotice       = "notice"        // what it told the user
	recKept         = "kept"          // where it keeps something of value
	recEnd          = "end"           // done and verified
	recFailed       = "failed"        // not done, or not wholly
	recUndoBegin    = "undo_begin"    //
	recUndoEnd      = "undo_end"      //
	recUndoFailed   = "undo_failed"   //
	recUndoLeftover = "undo_leftover" // undone but for something outside
	recRollback     = "rollback"      // from here on the run goes backwards
	recResume       = "resume"        // from here on it goes forward again
	recInterrupt    = "interrupt"     //
	recDown         = "down"          // DSS is about to be stopped
	recUp           = "up"            // it answers again, or was never down
)

type textData struct {
	Text string `json:"text"`
}

// endData closes an action.
type endData struct {
	Skipped bool          `json:"skipped,omitempty"` // it was so already
	Manual  bool          `json:"manual,omitempty"`  // left to a person
	Elapsed time.Duration `json:"elapsed_ns"`
	// Records are the aspects' records that the action set, with what they
	// were, so that undoing puts them back.
	Records map[string]recordChange `json:"records,omitempty"`
	// Left are the sums of the action's probes as it left them: a rollback
	// refuses when they differ.
	Left map[string]string `json:"left,omitempty"`
}

type recordChange struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// rollbackData says how far a rollback goes.
type rollbackData struct {
	Whole bool `json:"whole"`
}

// upData says how DSS is up.
type upData struct {
	Stayed bool `json:"stayed,omitempty"` // it was never down
}

type processData struct {
	Command string       `json:"command"`
	Process proc.Process `json:"process"`
}

// phase is how far an action is.
type phase string

const (
	pending    phase = "pending"
	begun      phase = "begun"
	done       phase = "done"
	failed     phase = "failed"
	undoing    phase = "undoing"
	undone     phase = "undone"
	undoFailed phase = "undo_failed"
)

// progress is an action's part of the journal.
type progress struct {
	phase  phase
	began  time.Time
	ended  time.Time
	undone time.Time
	// undoBegan is when undoing it began.
	undoBegan time.Time
	skipped   bool
	manual    bool
	receipt   json.RawMessage
	process   *processData
	notices   []string
	kept      []string
	records   map[string]recordChange
	left      map[string]string
	err       string
	leftover  string
	outages   []outage
}

// touched reports whether the action may have changed something that is not
// undone.
func (p *progress) touched() bool {
	switch p.phase {
	case begun, done, failed, undoing, undoFailed:
		return true
	default:
		return false
	}
}

// changed reports whether the action was done by the run, and stands.
func (p *progress) changed() bool { return p.phase == done && !p.skipped }

// history is a run's journal, read.
type history struct {
	actions     map[string]*progress
	backwards   bool // a rollback has begun
	whole       bool // of the whole run, not of its open unit
	wholeSince  time.Time
	interrupted bool
	records     int // how many
}

func (h *history) of(action string) *progress {
	p := h.actions[action]
	if p == nil {
		p = &progress{phase: pending}
		h.actions[action] = p
	}
	return p
}

// read folds a journal's records into what is known of each action.
func read(records []state.Record) (*history, error) {
	h := &history{actions: map[string]*progress{}}
	for _, r := range records {
		if err := h.add(r); err != nil {
			return nil, fmt.Errorf("record %d of the journal (%s): %w", r.Seq, r.Type, err)
		}
	}
	return h, nil
}

func (h *history) add(r state.Record) error {
	h.records++
	p := h.of(r.Action)
	var text textData
	switch r.Type {
	case recBegin:
		*p = progress{phase: begun, began: r.Time, receipt: p.receipt, notices: p.notices, kept: p.kept, outages: p.outages}
	case recReceipt:
		p.receipt = r.Data
	case recProcess:
		var d processData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		p.process = &d
	case recNotice:
		if err := json.Unmarshal(r.Data, &text); err != nil {
			return err
		}
		p.notices = append(p.notices, text.Text)
	case recKept:
		if err := json.Unmarshal(r.Data, &text); err != nil {
			return err
		}
		if !slices.Contains(p.kept, text.Text) {
			p.kept = append(p.kept, text.Text)
		}
	case recEnd:
		var d endData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		p.phase, p.ended, p.skipped, p.manual, p.records, p.left = done, r.Time, d.Skipped, d.Manual, d.Records, d.Left
	case recFailed, recUndoFailed, recUndoLeftover:
		if err := json.Unmarshal(r.Data, &text); err != nil {
			return err
		}
		switch r.Type {
		case recFailed:
			p.phase, p.err, p.ended = failed, text.Text, r.Time
		case recUndoFailed:
			p.phase, p.err = undoFailed, text.Text
		default:
			p.phase, p.undone, p.leftover = undone, r.Time, text.Text
		}
	case recUndoBegin:
		p.phase, p.undoBegan = undoing, r.Time
	case recUndoEnd:
		p.phase, p.undone = undone, r.Time
	case recDown:
		p.outages = append(p.outages, outage{seq: r.Seq, at: r.Time, down: true})
	case recUp:
		var d upData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		p.outages = append(p.outages, outage{seq: r.Seq, at: r.Time, stayed: d.Stayed})
	case recRollback:
		var d rollbackData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		h.backwards, h.whole = true, d.Whole
		if d.Whole && h.wholeSince.IsZero() {
			h.wholeSince = r.Time
		}
	case recResume:
		h.backwards, h.interrupted, h.wholeSince = false, false, time.Time{}
	case recInterrupt:
		h.interrupted = true
	}
	// Unknown types come from a newer version and only add.
	return nil
}
