// Package preflight finds what can be known to fail before DSS is stopped.
//
// A check is one file of this package and one function: it looks, with DSS up
// and without changing anything, and returns a Finding for each thing that would
// go wrong. Performers call the checks that matter to their action, see
// providers.Preflighter; the plan shows what they find, and a run asks again
// right before it stops DSS. `dssctl doctor` runs those that need no action.
//
// The package knows one live instance (providers/dss). It must not know plans,
// aspects, or what is done about a finding.
package preflight

import (
	"errors"
	"strings"
)

// Severity says what a finding means for the run.
type Severity string

// An Error refuses the run, a Warning is shown.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that would go wrong. No text of it may hold a secret.
type Finding struct {
	Severity Severity
	// What is a headline without an end: "general-settings.json cannot be replaced".
	What string
	// Where is the path, host or program that was looked at; "" when What names it.
	Where string
	// Found and Expected are short and follow "found" and "expected".
	Found, Expected string
	// Remedy is a sentence that says what to do.
	Remedy string
}

// Detail is everything but the headline, in one paragraph.
func (f Finding) Detail() string {
	var parts []string
	add := func(label, text string) {
		if text = strings.TrimSuffix(strings.TrimSpace(text), "."); text != "" {
			parts = append(parts, label+text+".")
		}
	}
	add("", f.Where)
	add("Found: ", f.Found)
	add("Expected: ", f.Expected)
	add("", f.Remedy)
	return strings.Join(parts, " ")
}

// String is the finding on one line.
func (f Finding) String() string {
	detail := f.Detail()
	if detail == "" {
		return f.What
	}
	return f.What + ": " + detail
}

// Errors are the findings that refuse the run.
func Errors(all []Finding) (out []Finding) {
	for _, f := range all {
		if f.Severity != Warning {
			out = append(out, f)
		}
	}
	return out
}

// AsError joins the errors among findings; nil for none.
func AsError(all []Finding) error {
	var errs []error
	for _, f := range Errors(all) {
		errs = append(errs, errors.New(f.String()))
	}
	return errors.Join(errs...)
}
