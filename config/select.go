package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/config/schema"
)

// Selection is what -target and -exclude leave of an estate.
type Selection struct {
	targets  []Address
	excludes []Address
	// instances included at least in part, in the estate's order.
	instances []*Instance
}

// Select narrows the estate to the targets, all when there are none, without
// the excludes. An address that names nothing is an error.
func (e *Estate) Select(targets, excludes []string) (*Selection, error) {
	s := &Selection{}
	var err error
	if s.targets, err = e.resolve("-target", targets); err != nil {
		return nil, err
	}
	if s.excludes, err = e.resolve("-exclude", excludes); err != nil {
		return nil, err
	}
	for _, in := range e.Instances {
		if s.Includes(in.Address) {
			s.instances = append(s.instances, in)
		}
	}
	return s, nil
}

// Instances returns the instances that are included, at least in part.
func (s *Selection) Instances() []*Instance { return s.instances }

// All reports whether nothing is left out.
func (s *Selection) All() bool { return len(s.targets) == 0 && len(s.excludes) == 0 }

// Includes reports whether the instance is included, at least in part.
func (s *Selection) Includes(instanceAddress string) bool {
	for _, a := range s.excludes {
		if a.Block == "" && a.Covers(instanceAddress) {
			return false
		}
	}
	return len(s.targets) == 0 || slices.ContainsFunc(s.targets, func(a Address) bool { return a.Covers(instanceAddress) })
}

// IncludesBlock reports whether a block or aspect of an instance is included:
// block is the part of its address below the instance, "runtime_database" or
// "backup.nightly". A block is also included when only a block inside it is.
func (s *Selection) IncludesBlock(instanceAddress, block string) bool {
	if !s.Includes(instanceAddress) {
		return false
	}
	for _, a := range s.excludes {
		if a.Covers(instanceAddress) && below(block, a.Block) {
			return false
		}
	}
	return len(s.targets) == 0 || slices.ContainsFunc(s.targets, func(a Address) bool {
		return a.Covers(instanceAddress) && (below(block, a.Block) || below(a.Block, block))
	})
}

// below reports whether block is outer or lies in it.
func below(block, outer string) bool {
	rest, ok := strings.CutPrefix(block, outer)
	return outer == "" || ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func (e *Estate) resolve(flag string, addresses []string) ([]Address, error) {
	var out []Address
	for _, s := range addresses {
		a, err := ParseAddress(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		if err := e.named(a); err != nil {
			return nil, fmt.Errorf("%s %s: %w", flag, s, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// names are all addresses of instances, with and without their keys, and of the
// modules that they are in.
func (e *Estate) names() []string {
	all := map[string]bool{}
	for _, in := range e.Instances {
		all[in.Address] = true
		a := Address{Module: in.Module, Name: in.Name}
		all[a.String()] = true
		if len(in.Module) == 0 {
			continue
		}
		all[moduleAddress(in.Module)] = true
		bare := slices.Clone(in.Module)
		for i := range bare {
			bare[i] = Step{Name: bare[i].Name}
		}
		all[moduleAddress(bare)] = true
	}
	return slices.Collect(maps.Keys(all))
}

// named checks that the address names something in the estate.
func (e *Estate) named(a Address) error {
	var covered []*Instance
	for _, in := range e.Instances {
		if a.Covers(in.Address) {
			covered = append(covered, in)
		}
	}
	if len(covered) == 0 {
		return fmt.Errorf("the estate has no %s.%s", a.Instance(), hint(a.Instance(), e.names(), "There are"))
	}
	if a.Block == "" {
		return nil
	}
	known := map[string]bool{}
	if e.schema != nil {
		for _, at := range e.schema.Attributes {
			if !at.Meta {
				known[at.Name] = true
			}
		}
		for _, b := range e.schema.Blocks {
			if b.Meta {
				continue
			}
			if len(b.Labels) == 0 || !b.Multiple {
				known[b.Type] = true
			}
			addNested(known, b.Type, b)
		}
	}
	for _, in := range covered {
		addDeclared(known, in.Address, in.Block)
	}
	// A type of which one is declared names them all.
	for n := range maps.Clone(known) {
		if i := strings.IndexAny(n, ".["); i > 0 {
			known[n[:i]] = true
		}
	}
	if known[a.Block] {
		return nil
	}
	return fmt.Errorf("there is no %q in %s.%s", a.Block, a.Instance(), hint(a.Block, slices.Collect(maps.Keys(known)), "There are"))
}

func addNested(known map[string]bool, prefix string, b schema.Block) {
	if b.Multiple {
		return // which ones there are is for the declarations to say
	}
	for _, c := range b.Blocks {
		if !c.Multiple {
			known[prefix+"."+c.Type] = true
			addNested(known, prefix+"."+c.Type, c)
		}
	}
}

func addDeclared(known map[string]bool, instanceAddress string, b *Block) {
	for _, c := range b.blocks {
		known[strings.TrimPrefix(c.Address, instanceAddress+".")] = true
		addDeclared(known, instanceAddress, c)
	}
}
