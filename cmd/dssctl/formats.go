package main

import (
	"context"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/internal/view/htmlpage"
	"github.com/dssctl/dssctl/internal/view/junit"
	"github.com/dssctl/dssctl/internal/view/markdown"
	"github.com/dssctl/dssctl/internal/view/marks"
	"github.com/dssctl/dssctl/state"
)

// shown is what show shows.
type shown struct {
	options showOptions
	plan    *plan.Plan
	raw     []byte // of a plan file
	// Of a run.
	run     *view.RunReport
	journal []view.JournalLine
}

// formatNames are the formats of show, in the order of its help.
var formatNames = []string{"human", "json", "markdown", "html", "github", "sarif", "junit"}

// renderers are what they are drawn with.
var renderers = map[string]func(*world, *shown) error{
	"human": (*world).showHuman,
	"json":  (*world).showJSON,
	"markdown": func(w *world, s *shown) error {
		return markdown.Write(w.stdout(), view.NewReview(s.plan, s.run, s.journal))
	},
	"html": func(w *world, s *shown) error {
		return htmlpage.Write(w.stdout(), view.NewReview(s.plan, s.run, s.journal))
	},
	"github": func(w *world, s *shown) error {
		return marks.GitHub(w.stdout(), marks.Of(s.plan, s.run), s.options.sourceDir)
	},
	"sarif": func(w *world, s *shown) error {
		return marks.SARIF(w.stdout(), marks.Of(s.plan, s.run), s.plan.Tool, s.options.sourceDir)
	},
	"junit": func(w *world, s *shown) error { return junit.Write(w.stdout(), s.plan, s.run) },
}

func (w *world) showHuman(s *shown) error {
	if err := view.Plan(w.stdout(), s.plan, w.style(w.out)); err != nil || s.run == nil {
		return err
	}
	return view.Summary(w.stdout(), *s.run, w.style(w.out))
}

// document is a past run as JSON.
func (s *shown) document() view.RunDocument {
	return view.RunDocument{FormatVersion: view.RunVersion, Run: s.run, Plan: s.plan, Journal: s.journal}
}

// journal reads a run's journal for the views.
func journal(ctx context.Context, store state.Store, id string) ([]view.JournalLine, error) {
	lines, err := executor.ReadJournal(ctx, store, id)
	if err != nil {
		return nil, err
	}
	out := make([]view.JournalLine, len(lines))
	for i, l := range lines {
		out[i] = view.JournalLine(l)
	}
	return out, nil
}
