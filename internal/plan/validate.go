package plan

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Validate checks the law of plans: that one is fit to be carried out and that
// a reviewer was shown what will happen. It holds for every plan that is made
// and is checked of every plan that is read. The error lists what is wrong.
func Validate(p *Plan) error {
	v := &validator{ids: map[string]bool{}}
	v.plan(p)
	if v.more > 0 {
		v.errs = append(v.errs, fmt.Errorf("and %d more faults", v.more))
	}
	return errors.Join(v.errs...)
}

// enough faults are listed; a damaged plan of thousands of instances would
// otherwise have as many.
const enough = 20

type validator struct {
	ids  map[string]bool
	errs []error
	more int
}

func (v *validator) fault(format string, args ...any) {
	if len(v.errs) == enough {
		v.more++
		return
	}
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

func (v *validator) plan(p *Plan) {
	addresses := make(map[string]bool, len(p.Instances))
	for i := range p.Instances {
		in := &p.Instances[i]
		if in.Address == "" || addresses[in.Address] {
			v.fault("the address %q stands for no instance or for two", in.Address)
		}
		addresses[in.Address] = true
		v.instance(in)
	}
	for i := range p.Diagnostics {
		if d := &p.Diagnostics[i]; d.Severity != Error && d.Severity != Warning {
			v.fault("a diagnostic has the unknown severity %q", d.Severity)
		}
	}
	v.secrets(p)
}

func (v *validator) instance(in *Instance) {
	v.plain(in.Address, "address", in.Address)
	if in.Mode != "" && in.Mode != Observe {
		v.fault("%s has the unknown mode %q", in.Address, in.Mode)
	}
	if len(in.Stages) > 0 {
		switch {
		case in.Failed:
			v.fault("%s could not be planned and has actions all the same", in.Address)
		case in.Mode == Observe:
			v.fault("%s is only to be observed and has actions all the same", in.Address)
		}
		if !clean(in.DataDir) {
			v.fault("%s: the data directory %q is no absolute, clean path", in.Address, in.DataDir)
		}
		if in.RealDir != "" && !clean(in.RealDir) {
			v.fault("%s: the real data directory %q is no absolute, clean path", in.Address, in.RealDir)
		}
		if in.CompanionDir != "" && !clean(in.CompanionDir) {
			v.fault("%s: the companion directory %q is no absolute, clean path", in.Address, in.CompanionDir)
		}
	}
	for i := range in.Changes {
		v.change(in, &in.Changes[i])
	}
	for i := range in.Ignored {
		v.change(in, &in.Ignored[i])
	}
	v.stages(in)
}

func clean(path string) bool { return filepath.IsAbs(path) && filepath.Clean(path) == path }

func (v *validator) change(in *Instance, c *Change) {
	switch c.Op {
	case Create, Update, Delete, Forget, Move, Import:
	default:
		v.fault("%s: %s.%s has the unknown operation %q", in.Address, c.Block, c.Path, c.Op)
	}
	if c.Secret && (present(c.Before) || present(c.After)) {
		v.fault("%s: the secret %s.%s is shown", in.Address, c.Block, c.Path)
	}
}

func present(raw []byte) bool { return len(raw) > 0 && string(raw) != "null" }

// stages: at most one before, at the head; windows counted from 1.
func (v *validator) stages(in *Instance) {
	windows := 0
	for i := range in.Stages {
		st := &in.Stages[i]
		where := fmt.Sprintf("%s, stage %d", in.Address, i+1)
		if len(st.Actions) == 0 {
			v.fault("%s has no actions", where)
			continue
		}
		switch st.Kind {
		case Before:
			if i > 0 {
				v.fault("%s prepares, but is not the first", where)
			}
			v.online(where, st)
		case Window:
			windows++
			if st.Number != windows {
				v.fault("%s is window %d, expected window %d", where, st.Number, windows)
			}
			v.window(where, st)
		case After:
			v.online(where, st)
		default:
			v.fault("%s is of the unknown kind %q", where, st.Kind)
		}
		v.cost(where, st.Cost)
		for a := range st.Actions {
			v.action(where, &st.Actions[a])
		}
	}
}

func (v *validator) online(where string, st *Stage) {
	if st.Number != 0 {
		v.fault("%s is no window and has the number %d", where, st.Number)
	}
	for i := range st.Actions {
		if a := &st.Actions[i]; a.Phase == Stop || a.Phase == Start {
			v.fault("%s: the action %s is in the phase %q outside of a window", where, a.ID, a.Phase)
		}
	}
}

// window: stop … start, the phases in order.
func (v *validator) window(where string, st *Stage) {
	last := 0
	for i := range st.Actions {
		a := &st.Actions[i]
		n := PhaseIndex(a.Phase)
		switch {
		case a.Phase == Prepare || a.Phase == Clean:
			v.fault("%s: the action %s is in the phase %q inside a window", where, a.ID, a.Phase)
		case n < last:
			v.fault("%s: the action %s (%s) comes too late", where, a.ID, a.Phase)
		}
		last = max(last, n)
	}
	first, end := st.Actions[0].Phase, st.Actions[len(st.Actions)-1].Phase
	if st.Note == "" && (first != Stop || end != Start) {
		v.fault("%s must begin with a stop and end with a start, or say why not; it has %s … %s", where, first, end)
	}
}

func (v *validator) action(where string, a *Action) {
	if a.ID == "" || v.ids[a.ID] {
		v.fault("%s: the action ID %q is empty or not unique", where, a.ID)
	}
	v.ids[a.ID] = true
	where += ", action " + a.ID
	v.plain(where, "ID", a.ID)
	v.plain(where, "kind", string(a.Kind))
	v.plain(where, "title", a.Title)
	v.plain(where, "block", a.Block)
	if aspect, verb, ok := strings.Cut(string(a.Kind), "."); !ok || aspect == "" || verb == "" {
		v.fault("%s: the kind %q is not of the form ASPECT.VERB", where, a.Kind)
	}
	if a.Title == "" {
		v.fault("%s has no title", where)
	}
	if PhaseIndex(a.Phase) < 0 {
		v.fault("%s is in the unknown phase %q", where, a.Phase)
	}
	switch a.Danger {
	case NoDanger, Downtime, Irreversible, DataLoss:
	default:
		v.fault("%s has the unknown danger %q", where, a.Danger)
	}
	for _, f := range a.Reads {
		if f.Probe == "" || f.Sum == "" {
			v.fault("%s has a fingerprint without probe or sum", where)
		}
	}
	if !a.Undo.Possible && a.Undo.How == "" {
		v.fault("%s cannot be undone and does not say why", where)
	}
	v.cost(where, a.Cost)
}

func (v *validator) cost(where string, c Cost) {
	if c.Bytes < 0 || c.Seconds < 0 || math.IsNaN(c.Seconds) || math.IsInf(c.Seconds, 0) {
		v.fault("%s has an impossible cost: %v seconds, %d bytes", where, c.Seconds, c.Bytes)
	}
}

// plain refuses what could move a terminal's cursor or hide a line.
func (v *validator) plain(where, what, text string) {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		v.fault("%s: the %s %q has control characters", where, what, text)
	}
}

func (v *validator) secrets(p *Plan) {
	needed, err := SecretsOf(p)
	if err != nil {
		v.fault("%w", err)
		return
	}
	listed := make(map[string]bool, len(p.Secrets))
	for _, s := range p.Secrets {
		if listed[s.Name] || s.Fingerprint == "" {
			v.fault("the secret %q is listed twice or has no fingerprint", s.Name)
		}
		listed[s.Name] = true
		if _, ok := slices.BinarySearch(needed, s.Name); !ok {
			v.fault("the secret %q is listed, but no action needs it", s.Name)
		}
	}
	if p.HasErrors() {
		return // a plan that cannot be applied may lack some
	}
	for _, name := range needed {
		if !listed[name] {
			v.fault("the secret %q is needed and not listed", name)
		}
	}
}
