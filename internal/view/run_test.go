package view

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/event"
)

// Sleep is not used by the views: they draw in real time.
func (c *clockAt) Sleep(context.Context, time.Duration) error { panic("a view sleeps on the clock") }

func show(b *bytes.Buffer, t Terminal) error {
	c := &clockAt{now: noon}
	h := NewHuman(b, Style{Width: 80, Unicode: true}, t, c)
	for _, e := range runEvents() {
		c.now = e.Time
		h.Event(e)
	}
	h.Close()
	h.Close()
	return h.err
}

func TestHuman(t *testing.T) {
	golden(t, "human_log", func(b *bytes.Buffer) error { return show(b, Terminal{}) })
	golden(t, "human_terminal", func(b *bytes.Buffer) error {
		var raw bytes.Buffer
		err := show(&raw, Terminal{IsTTY: true, Width: 72})
		// One drawing a line, so that it can be read.
		b.WriteString(strings.ReplaceAll(raw.String(), "\r\x1b[K", "\n⟲ "))
		return err
	})
}

// What stands on a terminal in the end is whole lines: the live line is gone.
func TestLiveLine(t *testing.T) {
	var raw bytes.Buffer
	if err := show(&raw, Terminal{IsTTY: true, Width: 50}); err != nil {
		t.Fatal(err)
	}
	for row := range strings.SplitSeq(raw.String(), "\n") {
		drawings := strings.Split(row, "\r\x1b[K")
		for _, d := range drawings[:len(drawings)-1] {
			if cells(d) > 49 {
				t.Errorf("a live line of %d columns on a terminal of 50: %q", cells(d), d)
			}
		}
		if last := drawings[len(drawings)-1]; strings.Contains(last, " s, ") && strings.Contains(last, "%") {
			t.Errorf("a live line was left: %q", last)
		}
	}
}

func TestRedrawRate(t *testing.T) {
	var b bytes.Buffer
	c := &clockAt{now: noon}
	h := NewHuman(&b, Style{}, Terminal{IsTTY: true, Width: 80}, c)
	defer h.Close()
	h.Event(event.Event{Type: event.ApplyStart, Action: "a/1", Title: "copy", Time: c.now})
	for i := range 1000 {
		c.now = c.now.Add(time.Millisecond)
		h.Event(event.Event{Type: event.ApplyProgress, Action: "a/1", Time: c.now, Progress: &event.Progress{Done: int64(i), Unit: "rows"}})
	}
	if n := strings.Count(b.String(), "\r\x1b[K"); n > 11 {
		t.Errorf("drawn %d times within a second", n)
	}
}

// A backup tells bytes and files: all of it is shown where there is room, and
// what is least missed goes first where there is not, also when the window is
// resized meanwhile.
func TestBytesAndFiles(t *testing.T) {
	width := 140
	var b bytes.Buffer
	c := &clockAt{now: noon}
	h := NewHuman(&b, Style{Unicode: true}, Terminal{IsTTY: true, WidthNow: func() int { return width }}, c)
	defer h.Close()
	h.Event(event.Event{Type: event.ApplyStart, Instance: "instance.design", Action: "a/1", Title: "archive the data directory", Index: 3, Total: 9, Time: c.now})
	last := func() string { return b.String()[strings.LastIndex(b.String(), "\x1b[K")+3:] }
	done := int64(0)
	step := func() {
		c.now = c.now.Add(10 * time.Second)
		done += 100 << 20
		h.Event(event.Event{Type: event.ApplyProgress, Action: "a/1", Time: c.now, Progress: &event.Progress{
			Done: done, Total: 1000 << 20, Unit: "bytes", Files: done >> 14, TotalFiles: 64000,
		}})
	}
	step()
	for _, want := range []struct {
		width int
		line  string
	}{
		{140, "[3/9] instance.design: archive the data directory  20 s, 200 MiB of 1.0 GiB (20 %), 12,800 of 64,000 files, 10.0 MiB/s, about 80 s left"},
		{130, "[3/9] instance.design: archive the data directory  30 s, 300 MiB of 1.0 GiB (30 %), 19,200 of 64,000 files, about 70 s left"},
		{110, "[3/9] instance.design: archive the data directory  40 s, 400 MiB of 1.0 GiB (40 %), about 60 s left"},
		{90, "[3/9] archive the data directory  50 s, 500 MiB of 1.0 GiB (50 %), about 50 s left"},
		{60, "[3/9] archive the data directory  1 min, about 40 s left"},
		{40, "[3/9] arc…  1 min 10 s, about 30 s left"},
	} {
		width = want.width
		if step(); last() != want.line {
			t.Errorf("at %d columns:\n%q, expected\n%q", width, last(), want.line)
		}
	}
	// What stands still promises nothing.
	width, c.now = 140, c.now.Add(30*time.Second)
	h.mu.Lock()
	h.draw(c.now)
	h.mu.Unlock()
	if want := "no progress for 30 s"; !strings.HasSuffix(last(), want) || strings.Contains(last(), "left") {
		t.Errorf("at a standstill: %q, expected %q", last(), want)
	}
	if got, want := sentence(event.Event{Type: event.ApplyProgress, Title: "archive", Progress: &event.Progress{Done: 1, Unit: "bytes", Files: 1}}), "archive: 1 byte, 1 file"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

// An action without any event still shows that it goes on.
func TestSignOfLife(t *testing.T) {
	var b bytes.Buffer
	c := &clockAt{now: noon}
	h := NewHuman(&b, Style{}, Terminal{}, c)
	h.Event(event.Event{Type: event.ApplyStart, Action: "a/1", Title: "run the installer", Time: c.now})
	for range 35 {
		c.now = c.now.Add(time.Second)
		h.mu.Lock()
		h.show(c.now)
		h.mu.Unlock()
	}
	h.Close()
	if got, want := b.String(), "run the installer ...\n      10 s\n      20 s\n      30 s\n"; got != want {
		t.Errorf("a log of 35 s reads %q, expected %q", got, want)
	}
}

func TestStream(t *testing.T) {
	golden(t, "stream_plan", func(b *bytes.Buffer) error { return PlanStream(b, everything(), &clockAt{now: noon}) })
	golden(t, "stream_run", func(b *bytes.Buffer) error {
		s := NewStream(b, &clockAt{now: noon})
		for _, e := range runEvents() {
			s.Event(e)
		}
		s.Close()
		return s.Summary(report("rolled_back", Skipped, Undone, Undone))
	})
}

// Every line of every stream is an object with the envelope.
func TestEnvelope(t *testing.T) {
	var b bytes.Buffer
	if err := PlanStream(&b, everything(), &clockAt{now: noon}); err != nil {
		t.Fatal(err)
	}
	s := NewStream(&b, &clockAt{now: noon})
	for _, e := range runEvents() {
		s.Event(e)
	}
	if err := s.Summary(report("done")); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		var env map[string]any
		if err := json.Unmarshal([]byte(line), &env); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, k := range []string{"@level", "@message", "@module", "@timestamp", "type"} {
			if v, _ := env[k].(string); v == "" {
				t.Errorf("%s is missing in %s", k, line)
			}
		}
	}
}

// Why an action failed stands where it failed, and the command's error says it
// at the end: the summary in between names the action alone.
func TestSummaryBelowTheLines(t *testing.T) {
	var b bytes.Buffer
	h := NewHuman(&b, Style{Width: 300}, Terminal{}, &clockAt{now: noon})
	for _, e := range runEvents() {
		h.Event(e)
	}
	r := report("failed", Done, Done, Done, Done, UndoFailed, Undone)
	r.Actions[5].Error, r.Actions[4].Error = copyError, "write x: permission denied"
	if err := h.Summary(r); err != nil {
		t.Fatal(err)
	}
	lines, summary, ok := strings.Cut(b.String(), "Failed part-way")
	if !ok || strings.Count(lines, "No space left") != 1 {
		t.Errorf("above:\n%s", lines)
	}
	for _, want := range []string{"\nFailed\n  instance.design: copy the runtime databases (", "\nUndoing failed\n  instance.design: set internalDatabase"} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is not in:\n%s", want, summary)
		}
	}
	if strings.Contains(summary, "No space left") || strings.Contains(summary, "permission denied") {
		t.Errorf("told again:\n%s", summary)
	}
	var alone bytes.Buffer
	if err := Summary(&alone, r, Style{Width: 300}); err != nil || !strings.Contains(alone.String(), "No space left") {
		t.Errorf("%v: a run that is shown later does not say why it failed:\n%s", err, alone.String())
	}
}

// A rollback that would be refused, or do nothing, is not advised.
func TestSummaryOfWhatCannotBeRolledBack(t *testing.T) {
	for _, status := range []string{"done", "interrupted"} {
		r := report(status, Done)
		r.Undoable = false
		var b strings.Builder
		if err := Summary(&b, r, Style{Width: 100}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Contains(got, "dssctl rollback") {
			t.Error(got)
		}
	}
}

// Nothing of it is in place: there is nothing that a rollback could undo.
func TestSummaryOfAnInterruptedRunThatWasUndone(t *testing.T) {
	var b bytes.Buffer
	if err := Summary(&b, report("interrupted", Undone, Undone), Style{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "dssctl rollback") || !strings.Contains(got, "dssctl plan") {
		t.Error(got)
	}
}

func TestSummary(t *testing.T) {
	done := report("done", Skipped, Done, Done, Done, Done, Done, Done, Done, Done)
	done.Downtime = []Downtime{{Instance: "instance.design", Duration: 192 * time.Second}}
	done.Safety = []string{"/data/dataiku/design.dssctl/safety/" + runName}
	rolled := report("rolled_back", Done, Done, Undone, Undone, Undone, Undone)
	rolled.Actions[5].Error = copyError
	rolled.Actions[0].Notices = []string{"the schema dss_runtime was there, and empty"}
	rolled.Downtime = []Downtime{{Instance: "instance.design", Duration: 95 * time.Second}}
	failed := report("failed", Done, Done, Done, Done, UndoFailed, Undone, NotStarted)
	failed.Actions[5].Error = copyError
	failed.Actions[5].Leftover = "the schema dss_runtime: other tables are in it"
	failed.Actions[4].Error = "write /data/dataiku/design/config/general-settings.json: permission denied"
	killed := report("running", Done, Done, Open)
	killed.Ended = time.Time{}
	undone := report("rolled_back", Undone, Undone, Undone, Undone, Undone, Undone, Undone, Undone, Undone)
	undone.Downtime = []Downtime{{Instance: "instance.design", Duration: 192 * time.Second, Rollback: 41 * time.Second}, {Instance: "instance.auto", Rollback: 5 * time.Second}}
	for name, r := range map[string]RunReport{
		"summary_done": done, "summary_rolled_back": rolled, "summary_failed": failed, "summary_killed": killed,
		"summary_interrupted": report("interrupted", Done, Done),
		"summary_undone":      undone,
	} {
		golden(t, name, func(b *bytes.Buffer) error { return Summary(b, r, Style{Width: 100, Unicode: true}) })
	}
	golden(t, "rollback_preview", func(b *bytes.Buffer) error {
		return RollbackPreview(b, done, undos(), []string{"instance.design: 214 rows that DSS has written to schema dss_runtime since 2026-11-20 12:05"}, Style{Width: 100})
	})
}
