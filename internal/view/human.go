package view

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
)

const (
	redraw    = 100 * time.Millisecond // the live line is drawn no more often
	tick      = time.Second            // and no less often
	signOfLog = 10 * time.Second       // between two signs of life in a log
)

// Human shows a run as lines of text. On a terminal, the running action has a
// live line below them; elsewhere a long action gives a sign of life every ten
// seconds.
type Human struct {
	w     io.Writer
	style Style
	term  Terminal
	clock clock.Clock

	mu  sync.Mutex
	err error
	run *running // nil between actions
	// open says that the last line waits for how its action ends.
	open bool
	// live says that a live line is drawn.
	live bool
	drew time.Time
	// stop ends the goroutine that draws while no event comes.
	stop context.CancelFunc
	done chan struct{}
}

// running is the action that is going on.
type running struct {
	id       string
	text     string
	short    string // without the instance, for narrow terminals
	start    time.Time
	progress *event.Progress
	// first is the first progress: rates count from it.
	first   event.Progress
	firstAt time.Time
	// movedAt is when the amount last grew.
	movedAt time.Time
	told    time.Time // the last sign of life in a log
}

// NewHuman returns a view that writes lines to w. Close it at the end.
func NewHuman(w io.Writer, s Style, t Terminal, c clock.Clock) *Human {
	return &Human{w: w, style: s, term: t, clock: c}
}

// Event shows an event.
func (h *Human) Event(e event.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start()
	switch e.Type {
	case event.RunStart:
		h.line(startLine(e))
	case event.ApplyStart, event.RollbackStart:
		h.begin(e)
	case event.ApplyProgress:
		h.progress(e)
	case event.ApplyComplete:
		h.end(e, green, "done ("+elapsed(e.Elapsed)+")", "")
	case event.ApplySkipped:
		h.end(e, dim, skippedText(oneLine(e.Message)), "")
	case event.ApplyManual:
		h.end(e, yellow, "left to a person", e.Message)
	case event.ApplyErrored:
		h.end(e, alarm, "failed ("+elapsed(e.Elapsed)+")", e.Message)
	case event.RollbackComplete:
		left := ""
		if e.Message != "" {
			left = "something is left: " + e.Message
		}
		h.end(e, green, "done ("+elapsed(e.Elapsed)+")", left)
	case event.RollbackErrored:
		h.end(e, alarm, "failed ("+elapsed(e.Elapsed)+")", e.Message)
	case event.Notice:
		h.indented("note: " + e.Message)
	case event.RunComplete:
		h.settle()
		h.run = nil
	}
}

func startLine(e event.Event) string {
	text := "Run " + oneLine(e.Run)
	switch {
	case e.Message != "":
		text += ", " + oneLine(e.Message)
	case e.Total > 0:
		text += ", " + humanize.Count(int64(e.Total), "action", "actions")
	}
	return text
}

// name is "[3/9] instance.design: title".
func name(e event.Event) string {
	text := titled(e)
	if e.Instance != "" {
		text = clean(e.Instance) + ": " + text
	}
	return place(e) + text
}

// place is "[3/9] ".
func place(e event.Event) string {
	if e.Index > 0 && e.Total > 0 {
		return fmt.Sprintf("[%d/%d] ", e.Index, e.Total)
	}
	return ""
}

// titled says what is done: an action by its title, and undoing it by the plan's
// words for that, since undoing a stop is a start.
func titled(e event.Event) string {
	switch e.Type {
	case event.RollbackStart, event.RollbackComplete, event.RollbackErrored:
		return colon(undoOf(e.Title), oneLine(e.Undo))
	}
	return oneLine(e.Title)
}

// undoOf names what is undone.
func undoOf(title string) string { return `undo "` + oneLine(title) + `"` }

func (h *Human) begin(e event.Event) {
	h.settle()
	now := h.now(e)
	h.run = &running{id: e.Action, text: name(e), short: place(e) + titled(e), start: now, told: now}
	if h.term.IsTTY {
		h.draw(now)
		return
	}
	h.write(h.run.text + " ...")
	h.open = true
}

func (h *Human) end(e event.Event, c paint, verdict, detail string) {
	if h.open && h.run != nil && h.run.id == e.Action {
		h.open = false
		h.write(" " + h.style.paint(c, verdict) + "\n")
	} else {
		h.line(name(e) + " ... " + h.style.paint(c, verdict))
	}
	if h.run != nil && h.run.id == e.Action {
		h.run = nil
	}
	if detail != "" {
		h.indented(detail)
	}
}

func (h *Human) progress(e event.Event) {
	if h.run == nil || h.run.id != e.Action || e.Progress == nil {
		return
	}
	now := h.now(e)
	p := *e.Progress
	if h.run.progress == nil || p.Done < h.run.progress.Done || p.Unit != h.run.first.Unit {
		h.run.first, h.run.firstAt = p, now // begins, or begins anew
	}
	if h.run.progress == nil || p.Done != h.run.progress.Done || p.Files != h.run.progress.Files {
		h.run.movedAt = now
	}
	h.run.progress = &p
	h.show(now)
}

// show draws, or gives a sign of life, when it is time to.
func (h *Human) show(now time.Time) {
	if h.run == nil {
		return
	}
	if h.term.IsTTY {
		if d := now.Sub(h.drew); d >= redraw || d < 0 {
			h.draw(now)
		}
		return
	}
	if now.Sub(h.run.told) >= signOfLog {
		h.run.told = now
		h.indented(h.run.parts(now).String())
	}
}

// indented writes what belongs to the action above it.
func (h *Human) indented(text string) {
	p := &page{Style: h.style}
	p.wrapped(6, "", clean(text))
	h.settle()
	h.write(p.b.String())
	h.redrawIfLive()
}

func (h *Human) line(text string) {
	h.settle()
	h.write(text + "\n")
}

// settle makes the cursor stand at the start of an empty line.
func (h *Human) settle() {
	if h.open {
		h.open = false
		h.write("\n")
	}
	h.erase()
}

func (h *Human) write(text string) {
	if h.err == nil {
		_, h.err = io.WriteString(h.w, text)
	}
}

func (h *Human) now(e event.Event) time.Time {
	if e.Time.IsZero() {
		return h.clock.Now()
	}
	return e.Time
}

// Close ends the drawing.
func (h *Human) Close() {
	h.mu.Lock()
	h.settle()
	h.run = nil
	stop, done := h.stop, h.done
	h.stop = nil
	h.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}

// Summary writes what the run did.
func (h *Human) Summary(r RunReport) error {
	h.Close()
	if h.err != nil {
		return h.err
	}
	h.write("\n")
	// The notes of the actions stand above already, and why one failed as well:
	// it is said once more by the command's error, at the very end.
	r.Actions = slices.Clone(r.Actions)
	for i := range r.Actions {
		r.Actions[i].Notices = nil
	}
	return summary(h.w, r, h.style, namesAlone)
}
