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

// Address names an instance, all instances of a for_each, or a block inside.
type Address struct {
	Name   string
	Key    string
	HasKey bool
	// Block is the rest of the address: "", "runtime_database",
	// "backup.nightly".
	Block string
}

// Instance returns the address without the block.
func (a Address) Instance() string {
	if a.HasKey {
		return keyedAddress(a.Name, a.Key)
	}
	return "instance." + a.Name
}

// String returns the address in its usual form.
func (a Address) String() string {
	if a.Block == "" {
		return a.Instance()
	}
	return a.Instance() + "." + a.Block
}

// ParseAddress reads an address such as instance.design,
// instance.automation["auto1"] or instance.design.backup.nightly.
func ParseAddress(s string) (Address, error) {
	bad := func(why string) error {
		return fmt.Errorf(`read the address %q: %s; an address looks like instance.design, instance.automation["auto1"] or instance.design.runtime_database`, s, why)
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
	if steps[0].name != "instance" {
		return Address{}, errors.New(`it must begin with "instance."`)
	}
	if len(steps) < 2 || steps[1].index {
		return Address{}, errors.New("an instance's name must follow")
	}
	a := Address{Name: steps[1].name}
	rest := steps[2:]
	if len(rest) > 0 && rest[0].index {
		a.Key, a.HasKey, rest = rest[0].name, true, rest[1:]
	}
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

// keyedAddress is the address of one instance of a for_each.
func keyedAddress(name, key string) string { return "instance." + name + "[" + quote(key) + "]" }

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
