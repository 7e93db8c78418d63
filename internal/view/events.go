package view

import (
	"fmt"
	"io"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
)

// EventView shows a run while it goes on and when it is over. Event is an
// event.Sink.
type EventView interface {
	Event(event.Event)
	// Close ends what is drawn, before anything else is written. It may be
	// called twice.
	Close()
	Summary(RunReport) error
}

var (
	_ EventView = (*Human)(nil)
	_ EventView = (*Stream)(nil)
)

// Stream shows a run as a JSON stream, see Line.
type Stream struct {
	out   lineWriter
	clock clock.Clock
	// began and told are of the running action: when it began, and the last
	// progress that was written.
	began, told time.Time
}

// progressPause is the least time between two lines of progress.
const progressPause = time.Second

// NewStream returns a view that writes JSON to w. An error of writing shows in
// Summary.
func NewStream(w io.Writer, c clock.Clock) *Stream {
	return &Stream{out: lineWriter{w: w}, clock: c}
}

// Version writes the line that begins a stream, for a run whose plan is not
// shown in it.
func (s *Stream) Version(tool string) { s.out.put(s.clock.Now(), versionLine(tool)) }

// Event writes one line.
func (s *Stream) Event(e event.Event) {
	at := e.Time
	if at.IsZero() {
		at = s.clock.Now()
	}
	line := Line{Type: string(e.Type), Run: e.Run, Message: sentence(e)}
	switch e.Type {
	case event.ApplyStart, event.RollbackStart:
		s.began, s.told = at, time.Time{}
	case event.ApplyProgress:
		if d := at.Sub(s.told); d >= 0 && d < progressPause {
			return
		}
		s.told = at
		if e.Elapsed == 0 && !s.began.IsZero() {
			e.Elapsed = max(0, at.Sub(s.began))
		}
	case event.ApplyErrored, event.RollbackErrored:
		line.Level = "error"
	}
	if e.Action != "" || e.Instance != "" {
		line.Hook = &StreamHook{
			Resource: StreamResource{Addr: e.Instance}, Action: e.Action, Title: e.Title, Index: e.Index, Total: e.Total,
			ElapsedSeconds: e.Elapsed.Seconds(), Progress: e.Progress,
		}
		if line.Level == "error" {
			line.Hook.Error = e.Message
		}
	}
	s.out.put(at, line)
}

// Close does nothing: each line is complete.
func (s *Stream) Close() {}

// Summary writes the report as the last line.
func (s *Stream) Summary(r RunReport) error {
	line := Line{Type: "run_report", Run: r.Run, Message: headline(r), Report: &r}
	if !ended(r.Status) {
		line.Level = "error"
	}
	s.out.put(s.clock.Now(), line)
	return s.out.err
}

// sentence says an event in words.
func sentence(e event.Event) string {
	what := titled(e)
	if e.Instance != "" {
		what = e.Instance + ": " + what
	}
	took := " (" + elapsed(e.Elapsed) + ")"
	switch e.Type {
	case event.RunStart:
		return startLine(e)
	case event.ApplyStart:
		return what + " ..."
	case event.ApplyProgress:
		if e.Progress != nil {
			text := what + ": " + amount(*e.Progress)
			if f := files(*e.Progress); f != "" {
				text += ", " + f
			}
			return text
		}
	case event.ApplyComplete:
		return what + ": done" + took
	case event.ApplySkipped:
		return what + ": " + skippedText(e.Message)
	case event.ApplyManual:
		return what + ": left to a person: " + oneLine(e.Message)
	case event.ApplyErrored:
		return what + ": failed" + took + ": " + e.Message
	case event.RollbackStart:
		return what + " ..."
	case event.RollbackComplete:
		if e.Message != "" {
			return what + ": done" + took + ", but something is left: " + e.Message
		}
		return what + ": done" + took
	case event.RollbackErrored:
		return what + ": failed" + took + ": " + e.Message
	case event.RunComplete:
		return fmt.Sprintf("Run %s ended: %s", e.Run, statusWord(e.Message))
	}
	if e.Title == "" {
		return e.Message
	}
	return what + ": " + e.Message
}

func skippedText(message string) string {
	if message == "" {
		return "found done already"
	}
	return message
}
