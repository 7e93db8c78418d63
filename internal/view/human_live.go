package view

import (
	"context"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/humanize"
)

// start runs the goroutine that draws while an action sends no event. It waits
// in real time, whatever the clock: nobody would see anything otherwise.
func (h *Human) start() {
	if h.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop, h.done = cancel, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		for (clock.System{}).Sleep(ctx, tick) == nil {
			h.mu.Lock()
			if ctx.Err() == nil {
				h.show(h.clock.Now())
			}
			h.mu.Unlock()
		}
	}(h.done)
}

// draw draws the live line anew. It never reaches the right edge, where
// terminals would break it.
func (h *Human) draw(now time.Time) {
	width := h.term.width()
	if width <= 0 {
		width = h.style.width()
	}
	text := h.run.fit(h.style, width-1, h.run.parts(now))
	h.write("\r\x1b[K" + text)
	h.live, h.drew = true, now
}

func (h *Human) erase() {
	if h.live {
		h.live = false
		h.write("\r\x1b[K")
	}
}

func (h *Human) redrawIfLive() {
	if h.term.IsTTY && h.run != nil {
		h.draw(h.clock.Now())
	}
}

// fit makes a live line of at most n columns. What is least missed goes first:
// the rate, the files, the instance's address, the amount, the time left.
func (r *running) fit(s Style, n int, p progressParts) string {
	noRate := p
	noRate.rate = ""
	noFiles := noRate
	noFiles.files = ""
	little := noFiles
	little.amount = ""
	for _, c := range []struct {
		text string
		p    progressParts
	}{{r.text, p}, {r.text, noRate}, {r.text, noFiles}, {r.short, noFiles}, {r.short, little}} {
		if line := c.text + "  " + c.p.String(); cells(line) <= n {
			return line
		}
	}
	state := little.String()
	return s.cut(s.cut(r.short, max(10, n-2-cells(state)))+"  "+state, max(10, n))
}

// progressParts is how far an action is; empty where not known.
type progressParts struct{ elapsed, amount, files, rate, left string }

// standstill is how long an amount may stay the same before that is said instead
// of the time left.
const standstill = 20 * time.Second

// String is "12 s, 1.2 GiB of 3.4 GiB (35 %), 1,204 of 9,000 files, 120 MiB/s,
// about 20 s left".
func (p progressParts) String() string {
	text := p.elapsed
	for _, s := range []string{p.amount, p.files, p.rate, p.left} {
		if s != "" {
			text += ", " + s
		}
	}
	return text
}

func (r *running) parts(now time.Time) progressParts {
	out := progressParts{elapsed: humanize.Elapsed(now.Sub(r.start))}
	p := r.progress
	if p == nil {
		return out
	}
	out.amount, out.files = amount(*p), files(*p)
	if still := now.Sub(r.movedAt); still >= standstill && p.Unit != "seconds" {
		// Nobody knows when it goes on.
		out.left = "no progress for " + humanize.Elapsed(still)
		return out
	}
	took := now.Sub(r.firstAt).Seconds()
	if moved := float64(p.Done - r.first.Done); took >= 1 && moved > 0 && p.Unit != "seconds" {
		rate := moved / took
		if p.Unit == "bytes" {
			out.rate = humanize.Rate(rate)
		}
		if p.Total > p.Done {
			out.left = humanize.About(float64(p.Total-p.Done)/rate) + " left"
		}
	}
	return out
}

// amount is how much is done, with the note.
func amount(p event.Progress) string {
	figure := humanize.Number
	unit := " " + clean(p.Unit)
	switch p.Unit {
	case "bytes":
		figure, unit = humanize.Bytes, ""
	case "seconds":
		figure, unit = func(n int64) string { return humanize.Elapsed(time.Duration(n) * time.Second) }, ""
	}
	text := ""
	switch {
	case p.Total > 0:
		text = fmt.Sprintf("%s of %s%s", figure(p.Done), figure(p.Total), unit)
		if p.Done >= 0 && p.Done <= p.Total {
			text += fmt.Sprintf(" (%d %%)", int(100*float64(p.Done)/float64(p.Total)))
		}
	case p.Done > 0:
		text = figure(p.Done) + unit
	}
	switch note := oneLine(p.Note); {
	case note == "":
		return text
	case text == "":
		return note
	default:
		return text + ", " + note
	}
}

// files is how many files are done, where another unit is counted as well.
func files(p event.Progress) string {
	switch {
	case p.TotalFiles > 0:
		return humanize.Number(p.Files) + " of " + humanize.Count(p.TotalFiles, "file", "files")
	case p.Files > 0:
		return humanize.Count(p.Files, "file", "files")
	}
	return ""
}

func elapsed(d time.Duration) string { return humanize.Duration(d) }
