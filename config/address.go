package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// The first words of an address's steps.
const (
	instanceStep = "instance."
	moduleStep   = "module."
)

// Address names an instance, all instances of a for_each, a block inside, or a
// module with all that is in it. It is the one form in which addresses are made
// and taken apart.
type Address struct {
	// Module are the calls that lead to what is named, the outermost first; none
	// for what the estate's own files declare.
	Module []Step
	// Name is the instance's; "" for the address of a module.
	Name   string
	Key    string
	HasKey bool
	// Block is the rest of the address: "", "runtime_database",
	// "backup.nightly".
	Block string
}

// Step is a module call on the way: of one key, of all keys, or without any.
type Step struct {
	Name   string
	Key    string
	HasKey bool
}

// write appends the step to an address.
func (s Step) write(to, kind string) string {
	if to != "" {
		to += "."
	}
	to += kind + s.Name
	if s.HasKey {
		to += "[" + quote(s.Key) + "]"
	}
	return to
}

func (a Address) own() Step { return Step{a.Name, a.Key, a.HasKey} }

// Instance returns the address without the block; of a module, its own.
func (a Address) Instance() string {
	out := moduleAddress(a.Module)
	if a.Name == "" {
		return out
	}
	return a.own().write(out, instanceStep)
}

// moduleAddress is "" for the estate itself.
func moduleAddress(path []Step) string {
	out := ""
	for _, s := range path {
		out = s.write(out, moduleStep)
	}
	return out
}

// String returns the address in its usual form.
func (a Address) String() string {
	if a.Block == "" {
		return a.Instance()
	}
	return a.Instance() + "." + a.Block
}

// ParseAddress reads an address such as instance.design,
// instance.automation["auto1"], instance.design.backup.nightly,
// module.node["a"].instance.design or module.node.
func ParseAddress(s string) (Address, error) {
	bad := func(why string) error {
		return fmt.Errorf(`read the address %q: %s; an address looks like instance.design, instance.automation["auto1"], instance.design.runtime_database or module.nodes.instance.design`, s, why)
	}
	if len(s) > 4096 {
		return Address{}, fmt.Errorf("read an address: it is %d bytes long, at most 4096 are allowed", len(s))
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(s), "address", hcl.InitialPos)
	if diags.HasErrors() {
		return Address{}, bad("this is no address")
	}
	a, err := addressOf(t)
	if err != nil {
		return Address{}, bad(err.Error())
	}
	return a, nil
}

// addressOf reads an address that is parsed already.
func addressOf(t hcl.Traversal) (Address, error) {
	steps, err := addressSteps(t)
	if err != nil {
		return Address{}, err
	}
	var a Address
	for len(steps) > 0 && !steps[0].index && steps[0].name == "module" {
		var s Step
		if s, steps, err = namedStep(steps, "a module's"); err != nil {
			return Address{}, err
		}
		a.Module = append(a.Module, s)
	}
	switch {
	case len(steps) == 0:
		return a, nil // the module
	case steps[0].index || steps[0].name != "instance":
		if a.Module != nil {
			return Address{}, errors.New(`behind a module, "instance." or "module." must follow`)
		}
		return Address{}, errors.New(`it must begin with "instance." or "module."`)
	}
	own, rest, err := namedStep(steps, "an instance's")
	if err != nil {
		return Address{}, err
	}
	a.Name, a.Key, a.HasKey = own.Name, own.Key, own.HasKey
	var b strings.Builder
	for i, st := range rest {
		if i == 0 && st.index {
			return Address{}, errors.New("a second key follows the first")
		}
		b.WriteString(step(st.name))
	}
	a.Block = strings.TrimPrefix(b.String(), ".")
	return a, nil
}

// namedStep takes instance.NAME or module.NAME with its key off the front.
func namedStep(steps []addressStep, whose string) (Step, []addressStep, error) {
	if len(steps) < 2 || steps[1].index {
		return Step{}, nil, fmt.Errorf("%s name must follow", whose)
	}
	s, rest := Step{Name: steps[1].name}, steps[2:]
	if len(rest) > 0 && rest[0].index {
		s.Key, s.HasKey, rest = rest[0].name, true, rest[1:]
	}
	return s, rest, nil
}

type addressStep struct {
	name  string
	index bool
}

func addressSteps(t hcl.Traversal) ([]addressStep, error) {
	var out []addressStep
	for _, st := range t {
		switch st := st.(type) {
		case hcl.TraverseRoot:
			out = append(out, addressStep{name: st.Name})
		case hcl.TraverseAttr:
			out = append(out, addressStep{name: st.Name})
		case hcl.TraverseIndex:
			k, err := convert.Convert(st.Key, cty.String)
			if err != nil || k.IsNull() {
				return nil, errors.New("a key must be a string in quotes")
			}
			out = append(out, addressStep{name: k.AsString(), index: true})
		default:
			return nil, errors.New("splats are not part of addresses")
		}
	}
	return out, nil
}

// Covers reports whether the address, its block apart, names the instance.
func (a Address) Covers(instanceAddress string) bool {
	_, _, ok := a.match(instanceAddress, false)
	return ok
}

// match holds an instance's address against this one. keys are those that this
// one leaves open, as they are written, where they are asked for; rest is what
// follows the address of a module.
func (a Address) match(instanceAddress string, open bool) (keys []string, rest string, ok bool) {
	rest = instanceAddress
	take := func(kind string, s Step) bool {
		name, key, behind := cutStep(rest, kind)
		switch {
		case name != s.Name:
			return false
		case s.HasKey && key != "["+quote(s.Key)+"]":
			return false
		case !s.HasKey && key != "" && open:
			keys = append(keys, key)
		}
		rest = behind
		return true
	}
	for i, s := range a.Module {
		if i > 0 && !cutDot(&rest) || !take(moduleStep, s) {
			return nil, "", false
		}
	}
	if a.Name == "" {
		return keys, rest, rest == "" || rest[0] == '.'
	}
	if a.Module != nil && !cutDot(&rest) || !take(instanceStep, a.own()) {
		return nil, "", false
	}
	return keys, rest, rest == ""
}

func cutDot(s *string) bool {
	rest, ok := strings.CutPrefix(*s, ".")
	*s = rest
	return ok
}

// InstanceOf cuts the address of the instance off the front of a longer one,
// such as that of a block inside, or the name of a secret; "" where there is
// none.
func InstanceOf(address string) string {
	for rest := address; ; {
		if name, _, behind := cutStep(rest, instanceStep); name != "" {
			return address[:len(address)-len(behind)]
		}
		name, _, behind := cutStep(rest, moduleStep)
		if name == "" || !cutDot(&behind) {
			return ""
		}
		rest = behind
	}
}

// cutStep takes a step of a kind off the front of an address: its name, and its
// key with the brackets as it is written. The name is "" where there is none.
func cutStep(address, kind string) (name, key, rest string) {
	rest, ok := strings.CutPrefix(address, kind)
	if !ok {
		return "", "", address
	}
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		return rest, "", ""
	}
	name, rest = rest[:end], rest[end:]
	if rest[0] == '[' {
		n := keyEnd(rest)
		key, rest = rest[:n], rest[n:]
	}
	return name, key, rest
}

// keyEnd is where the key in brackets ends that a text begins with: behind the
// bracket that follows the first quote which no backslash precedes.
func keyEnd(s string) int {
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return min(i+2, len(s))
		}
	}
	return len(s)
}

// step appends a label to an address: .label, or ["label"] where it is no
// identifier.
func step(label string) string {
	if hclsyntax.ValidIdentifier(label) {
		return "." + label
	}
	return "[" + quote(label) + "]"
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{")

// quote writes a string as HCL does.
func quote(s string) string { return `"` + quoter.Replace(s) + `"` }
