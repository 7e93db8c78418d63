package view

import (
	"errors"

	"github.com/dssctl/dssctl/internal/event"
)

// Multi shows a run on several views at once: for a person on the terminal, and
// as a stream in a file.
func Multi(views ...EventView) EventView { return multi(views) }

type multi []EventView

// Event hands the event to each.
func (m multi) Event(e event.Event) {
	for _, v := range m {
		v.Event(e)
	}
}

// Close closes each.
func (m multi) Close() {
	for _, v := range m {
		v.Close()
	}
}

// Summary writes each one's, and returns what went wrong with any.
func (m multi) Summary(r RunReport) error {
	var errs []error
	for _, v := range m {
		errs = append(errs, v.Summary(r))
	}
	return errors.Join(errs...)
}
