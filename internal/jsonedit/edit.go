package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Set gives the member at the pointer the value raw, a JSON text. When the
// member is there, just the bytes of its value change. A new member goes to the
// end of its object, laid out like the members before it; missing objects on
// the way are made. raw is put in as it is: see Format. An element of an array
// can be replaced, not added. On an error nothing has changed.
func (d *Doc) Set(pointer string, raw []byte) error {
	tokens, err := split(pointer)
	if err != nil {
		return err
	}
	s := scanner{b: raw, base: len(tokens)}
	if err := s.whole(); err != nil {
		return fmt.Errorf("set %s: the new value: %w", place(tokens), err)
	}
	raw = bytes.TrimSpace(raw)
	if len(tokens) == 0 && raw[0] != '{' {
		return errors.New("set the top: it must be an object")
	}
	at := skipSpace(d.b, 0)
	for i, token := range tokens {
		next, ok := child(d.b, at, token)
		if ok {
			at = next
			continue
		}
		if d.b[at] != '{' {
			return fmt.Errorf("set %s: %w", place(tokens), notMember(tokens[:i], d.b[at]))
		}
		d.append(at, tokens[:i], tokens[i:], raw)
		return nil
	}
	d.forget(tokens)
	d.splice(at, skipValue(d.b, at), raw)
	return nil
}

// append adds a member to the end of the object at open, whose pointer is
// parents. Of the tokens, the first is the key, and the others are objects to
// be made around raw.
func (d *Doc) append(open int, parents, tokens []string, raw []byte) {
	l := d.layoutAt(append(append([]string(nil), parents...), tokens[0]))
	core := append(quote(tokens[0]), l.colon...)
	core = l.wrap(core, tokens[1:], raw)
	all, end := members(d.b, open)
	switch len(all) {
	case 0:
		if d.emptied == nil {
			d.emptied = map[string]string{}
		}
		d.emptied[Pointer(parents...)] = string(d.b[open+1 : end])
		text := append(l.breakLine(nil), core...)
		closing := l
		closing.indent = strings.TrimSuffix(l.indent, l.unit)
		d.splice(open+1, end, closing.breakLine(text))
	case 1:
		space := string(d.b[all[0].before:all[0].key])
		if !l.lines {
			space = l.comma
		}
		d.insert(all[0].valueEnd, ","+space, core)
	default:
		last := all[len(all)-1]
		d.insert(last.valueEnd, ","+string(d.b[last.before:last.key]), core)
	}
}

func (d *Doc) insert(at int, space string, core []byte) {
	d.splice(at, at, append([]byte(space), core...))
}

// wrap appends raw inside new objects with these keys, in the layout l.
func (l layout) wrap(out []byte, keys []string, raw []byte) []byte {
	if len(keys) == 0 {
		return append(out, raw...)
	}
	inner := l.deeper()
	out = inner.breakLine(append(out, '{'))
	out = append(append(out, quote(keys[0])...), l.colon...)
	out = inner.wrap(out, keys[1:], raw)
	return append(l.breakLine(out), '}')
}

// Delete takes a member out of its object, with its comma and the white space
// before it. One that is not there is fine. An element of an array cannot be
// deleted. On an error nothing has changed.
func (d *Doc) Delete(pointer string) error {
	tokens, err := split(pointer)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		return errors.New("delete the top: a JSON file needs its object")
	}
	parents, key := tokens[:len(tokens)-1], tokens[len(tokens)-1]
	open, ok := d.find(parents)
	if !ok {
		return nil
	}
	if d.b[open] != '{' {
		return fmt.Errorf("delete %s: %w", place(tokens), notMember(parents, d.b[open]))
	}
	d.forget(tokens)
	all, end := members(d.b, open)
	for i, m := range all {
		if string(unquote(d.b[m.key:m.keyEnd])) != key {
			continue
		}
		switch {
		case len(all) == 1:
			p := Pointer(parents...)
			d.splice(open+1, end, []byte(d.emptied[p]))
			delete(d.emptied, p)
		case i == 0:
			// The next one takes the place: the first may be laid out
			// differently, as in {"a":1, "b":2}.
			d.splice(m.key, all[1].key, nil)
		case i == len(all)-1:
			d.splice(m.before-1, m.valueEnd, nil)
		default:
			d.splice(m.before, m.end+1, nil)
		}
		return nil
	}
	return nil
}

// forget drops what is known of objects at or below the tokens.
func (d *Doc) forget(tokens []string) {
	p := Pointer(tokens...)
	for known := range d.emptied {
		if known == p || strings.HasPrefix(known, p+"/") {
			delete(d.emptied, known)
		}
	}
}

// quote writes a key as JSON.
func quote(key string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// A string can always be written.
	_ = enc.Encode(key)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

func notObject(tokens []string, c byte) error {
	return fmt.Errorf("%s is %s, expected an object", place(tokens), kindOf(c))
}

func notMember(tokens []string, c byte) error {
	if c == '[' {
		return fmt.Errorf("%s is an array: its elements can be replaced, but not added or deleted; give the whole array", place(tokens))
	}
	return notObject(tokens, c)
}

func kindOf(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}
