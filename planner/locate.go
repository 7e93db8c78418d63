package planner

import (
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
)

// locate tells each change where in the files it comes from, so that a reviewer
// finds it beside the line: the attribute, or else its block. What is declared
// nowhere any more has no place.
func locate(desired *config.Instance, changes []plan.Change) {
	if desired == nil || desired.Block == nil {
		return
	}
	blocks := map[string]*config.Block{}
	for i := range changes {
		c := &changes[i]
		if c.Range != "" {
			continue
		}
		b, ok := blocks[c.Block]
		if !ok {
			b = child(desired, c.Block)
			blocks[c.Block] = b
		}
		switch name, _, _ := strings.Cut(c.Path, "."); {
		case b != nil:
			c.Range = b.RangeOf(name).String()
		case desired.Declared(c.Block):
			c.Range = desired.RangeOf(c.Block).String()
		}
	}
}

// child returns the block that a change names: "runtime_database",
// "backup.nightly".
func child(desired *config.Instance, name string) *config.Block {
	typ, label, labelled := strings.Cut(name, ".")
	for _, b := range desired.Children(typ) {
		if !labelled || len(b.Labels) > 0 && b.Labels[0] == label {
			return b
		}
	}
	return nil
}

// declared returns which of an aspect's names the files have and this plan looks
// at.
func (m *maker) declared(desired *config.Instance, provider int) []string {
	if desired == nil || desired.Block == nil {
		return nil
	}
	var out []string
	for _, name := range m.names[provider] {
		if m.Selection != nil && !m.Selection.IncludesBlock(desired.Address, name) {
			continue
		}
		if desired.Declared(name) || desired.Child(name) != nil {
			out = append(out, name)
		}
	}
	return out
}
