package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/planner"
)

// outputOptions are the flags that say for whom a plan or a run is shown.
type outputOptions struct {
	json bool
	into string
}

func (o *outputOptions) addFlags(f *pflag.FlagSet, note string) {
	f.BoolVar(&o.json, "json", false, "print one JSON object a line"+note)
	f.StringVar(&o.into, "json-into", "", "print for people, and write the JSON lines into this `FILE` as well")
}

// output is where a command shows its plan and its run.
type output struct {
	w    *world
	json bool
	into io.Writer // nil without -json-into
	file *os.File
	sink *outlet // of the file
	// allowed are the dangers that -allow names.
	allowed []plan.Danger
	// brief shows people the summary of a plan alone.
	brief bool
	// idle is what people are told instead of a plan that does nothing.
	idle string
	// begun says that a stream has begun, with its version.
	begun bool
	// told says that why the command fails is in the stream.
	told bool
}

// openOutput opens the file of -json-into, before anything else is done: a
// pipeline that cannot read what happened shall not make it happen.
func (w *world) openOutput(o outputOptions) (*output, error) {
	out := &output{w: w, json: o.json}
	w.onErrors = func(diags hcl.Diagnostics) { out.fail(planner.FromHCL("", diags)) }
	if o.into == "" {
		return out, nil
	}
	if o.json {
		return nil, errors.New("-json and -json-into exclude each other: -json prints the same lines on standard output")
	}
	f, err := os.OpenFile(o.into, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the file of -json-into: %w", err)
	}
	out.file, out.sink = f, w.delivery.to(f)
	out.into = w.redactor.Writer(out.sink)
	return out, nil
}

// streams are where JSON lines go.
func (o *output) streams() []io.Writer {
	switch {
	case o.json:
		return []io.Writer{o.w.stdout()}
	case o.into != nil:
		return []io.Writer{o.into}
	}
	return nil
}

// plan shows a plan.
func (o *output) plan(p *planned) error {
	for _, s := range o.streams() {
		o.begun = true
		if err := view.PlanStream(s, p.plan, o.w.clock); err != nil {
			return fmt.Errorf("print the plan: %w", err)
		}
	}
	// Ahead of the run: what nobody can read of must not happen.
	if o.sink != nil {
		if err := o.incomplete(); err != nil {
			return err
		}
	}
	if o.json {
		return nil
	}
	show := func(w io.Writer, pl *plan.Plan, s view.Style) error { return view.Plan(w, pl, s, o.allowed...) }
	switch {
	case o.idle != "" && !p.plan.HasChanges() && p.incomplete() == nil:
		show = func(w io.Writer, _ *plan.Plan, _ view.Style) error {
			_, err := fmt.Fprintln(w, o.idle)
			return err
		}
	case o.brief:
		show = view.PlanSummary
	}
	if err := o.w.showPlan(p, show); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	return nil
}

// events returns the view of a run.
func (o *output) events() view.EventView {
	var views []view.EventView
	if !o.json {
		views = append(views, view.NewHuman(o.w.stdout(), o.w.style(o.w.out), o.w.terminal(o.w.out), o.w.clock))
	}
	for _, s := range o.streams() {
		stream := view.NewStream(s, o.w.clock)
		if !o.begun {
			stream.Version(version)
		}
		views = append(views, stream)
	}
	o.begun = true
	if len(views) == 1 {
		return views[0]
	}
	return view.Multi(views...)
}

// lost puts into the streams what a rollback loses, as warnings.
func (o *output) lost(lost []string) error {
	var findings []plan.Diagnostic
	for _, l := range lost {
		findings = append(findings, plan.Diagnostic{Severity: plan.Warning, Summary: "Undoing the run loses data", Detail: l})
	}
	if len(findings) == 0 {
		return nil
	}
	for _, s := range o.streams() {
		if err := view.ErrorStream(s, version, findings, o.begun, o.w.clock); err != nil {
			return fmt.Errorf("print what is lost: %w", err)
		}
		o.begun = true
	}
	return nil
}

// fail puts into the streams why the command fails. That is said on standard
// error, too: an error of writing is not reported on top.
func (o *output) fail(findings []plan.Diagnostic) {
	for _, s := range o.streams() {
		_ = view.ErrorStream(s, version, findings, o.begun, o.w.clock)
		o.told = true
	}
	o.begun = o.begun || o.told
}

// close ends the streams on the way out of an error.
func (o *output) close(err error) error {
	if text := strings.TrimSpace(errorText(err)); text != "" && !o.told {
		o.fail([]plan.Diagnostic{{Severity: plan.Error, Summary: text}})
	}
	if o.file == nil {
		return err
	}
	lost := o.incomplete()
	if cerr := o.file.Close(); lost == nil && cerr != nil {
		lost = fmt.Errorf("write the file of --json-into: %w", cerr)
	}
	if lost != nil && o.w.ran {
		// The exit status is the run's, whoever could read of it.
		o.w.say("Warning: the JSON lines of this run are incomplete: %v\n", lost)
		return err
	}
	if err == nil {
		return lost
	}
	return err
}

// incomplete says why the file of --json-into lacks something.
func (o *output) incomplete() error {
	if err := o.sink.lost(); err != nil {
		return fmt.Errorf("write the file of --json-into: %w", err)
	}
	return nil
}
