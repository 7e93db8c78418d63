package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
)

// leaf is one declared place of the file: a JSON Merge Patch (RFC 7386) taken
// apart. It is also how a plan's arguments name it.
type leaf struct {
	Keys   []string `json:"keys"`
	Remove bool     `json:"remove,omitempty"`
	// Value is the JSON to be set, in parts; absent when Remove is set.
	Value []part `json:"value,omitempty"`
}

// part is a piece of a JSON text: as it is, or a secret. The pieces are texts,
// not JSON, because a declared object {"secret": …} would look like a reference.
type part struct {
	Text   string       `json:"text,omitempty"`
	Secret *secret.Text `json:"value,omitempty"`
	// Quote says that the secret is a string; otherwise it is JSON itself.
	Quote bool `json:"quote,omitempty"`
}

func (l *leaf) pointer() string { return jsonedit.Pointer(l.Keys...) }

// secret reports whether any of the value is declared sensitive.
func (l *leaf) secret() bool {
	for _, p := range l.Value {
		if p.Secret != nil {
			return true
		}
	}
	return false
}

// emptyObject reports whether the leaf only asks that there be an object.
func (l *leaf) emptyObject() bool {
	return len(l.Value) == 1 && l.Value[0].Text == "{}"
}

// json puts the value together. It may be secret.
func (l *leaf) json(r secret.Resolver) ([]byte, error) {
	var b bytes.Buffer
	for _, p := range l.Value {
		if p.Secret == nil {
			b.WriteString(p.Text)
			continue
		}
		value, err := p.Secret.Reveal(r)
		if err != nil {
			return nil, err
		}
		raw := []byte(value)
		if p.Quote {
			if raw, err = json.Marshal(value); err != nil {
				return nil, fmt.Errorf("write %s as JSON: %w", p.Secret.Name(), err)
			}
		}
		b.Write(raw)
	}
	return b.Bytes(), nil
}

// leavesOf takes the declaration apart, in the order of the keys.
func leavesOf(b *config.Block) ([]leaf, error) {
	v := b.Value(Name)
	if bare, _ := v.Unmark(); !isObject(bare) {
		return nil, fmt.Errorf("must be an object, not %s", bare.Type().FriendlyName())
	}
	w := walker{address: b.Address}
	w.object(nil, nil, v, false)
	return w.leaves, w.err
}

type walker struct {
	address string
	leaves  []leaf
	err     error
}

// object adds the leaves below an object.
func (w *walker) object(keys []string, path cty.Path, v cty.Value, hidden bool) {
	bare, marks := v.Unmark()
	hidden = hidden || len(marks) > 0
	for it := bare.ElementIterator(); it.Next(); {
		k, inner := it.Element()
		name, _ := k.Unmark()
		below := slices.Concat(keys, []string{name.AsString()})
		at := slices.Concat(path, cty.Path{stepTo(bare, k, 0)})
		switch value, _ := inner.Unmark(); {
		case value.IsNull():
			w.leaves = append(w.leaves, leaf{Keys: below, Remove: true})
		case isObject(value) && value.LengthInt() > 0:
			w.object(below, at, inner, hidden)
		default:
			e := encoder{w: w}
			e.value(at, inner, hidden)
			w.leaves = append(w.leaves, leaf{Keys: below, Value: e.parts})
		}
	}
}

// stepTo is the step to an element, as config names secrets by.
func stepTo(in, key cty.Value, n int64) cty.PathStep {
	switch {
	case in.Type().IsObjectType():
		return cty.GetAttrStep{Name: key.AsString()}
	case in.Type().IsSetType():
		return cty.IndexStep{Key: cty.NumberIntVal(n)}
	default:
		return cty.IndexStep{Key: key}
	}
}

// encoder writes a value in parts.
type encoder struct {
	w     *walker
	parts []part
}

func (e *encoder) text(s string) {
	if n := len(e.parts); n > 0 && e.parts[n-1].Secret == nil {
		e.parts[n-1].Text += s
		return
	}
	e.parts = append(e.parts, part{Text: s})
}

func (e *encoder) value(path cty.Path, v cty.Value, hidden bool) {
	bare, marks := v.Unmark()
	hidden = hidden || len(marks) > 0
	switch {
	case bare.IsNull():
		e.text("null")
	case bare.CanIterateElements():
		e.elements(path, bare, hidden)
	case hidden:
		ref := secret.Ref(config.SecretName(e.w.address, Name, path))
		e.parts = append(e.parts, part{Secret: &ref, Quote: bare.Type() == cty.String})
	case bare.Type() == cty.Number && bare.IsKnown() && isInt64(bare):
		// By far the most numbers, and many times faster than as a decimal.
		n, _ := bare.AsBigFloat().Int64()
		e.text(strconv.FormatInt(n, 10))
	default:
		raw, err := ctyjson.Marshal(bare, bare.Type())
		if err != nil {
			e.w.err = fmt.Errorf("has a value that JSON does not have: %w", err)
			return
		}
		e.text(string(raw))
	}
}

func isInt64(v cty.Value) bool {
	n, accuracy := v.AsBigFloat().Int64()
	return accuracy == big.Exact && n != 0 // there is a minus zero
}

func (e *encoder) elements(path cty.Path, bare cty.Value, hidden bool) {
	opening, closing := "[", "]"
	if isObject(bare) {
		opening, closing = "{", "}"
	}
	e.text(opening)
	n := int64(0)
	for it := bare.ElementIterator(); it.Next(); n++ {
		k, inner := it.Element()
		if n > 0 {
			e.text(",")
		}
		if isObject(bare) {
			key, _ := json.Marshal(k.AsString()) // a string can be written
			e.text(string(key) + ":")
		}
		e.value(slices.Concat(path, cty.Path{stepTo(bare, k, n)}), inner, hidden)
	}
	e.text(closing)
}
