package jsonedit

import (
	"bytes"
	"errors"
	"fmt"
)

// Restore puts one member back as it was in from, an older version of the same
// file, whatever else has changed since. Its value gets its old bytes. A member
// that was absent is deleted, and so are the objects around it that were absent
// too and are empty now. A member that is missing here comes back in its old
// place relative to its neighbours, with the old white space, so that the file
// is byte for byte the old one when nothing else differs. On an error nothing
// has changed.
func (d *Doc) Restore(pointer string, from *Doc) error {
	tokens, err := split(pointer)
	if err != nil {
		return err
	}
	trial := Doc{b: d.b, emptied: d.emptied}
	if err := trial.restore(tokens, from); err != nil {
		return fmt.Errorf("restore %s: %w", place(tokens), err)
	}
	d.b = trial.b
	return nil
}

func (d *Doc) restore(tokens []string, from *Doc) error {
	here, there := skipSpace(d.b, 0), skipSpace(from.b, 0)
	for i, token := range tokens {
		if from.b[there] == '[' && d.b[here] == '[' {
			h, okHere := child(d.b, here, token)
			t, okThere := child(from.b, there, token)
			if !okHere || !okThere {
				return fmt.Errorf("the array %s has changed its length", place(tokens[:i]))
			}
			here, there = h, t
			continue
		}
		was, ok := child(from.b, there, token)
		if !ok {
			return d.remove(tokens, i, from)
		}
		if from.b[there] != '{' || d.b[here] != '{' {
			return notObject(tokens[:i], d.b[here])
		}
		if _, ok := child(d.b, here, token); !ok {
			value := from.b[was:skipValue(from.b, was)]
			if i < len(tokens)-1 {
				value = []byte("{}")
				if from.b[was] != '{' {
					return errors.New("it stood inside an array that is no longer there")
				}
			}
			d.reinsert(here, from, there, token, value)
		}
		adoptSpace(d, here, from.b, there)
		here, _ = child(d.b, here, token)
		there = was
	}
	if len(tokens) == 0 && d.b[here] != from.b[there] {
		return notObject(nil, d.b[here])
	}
	d.splice(here, skipValue(d.b, here), from.b[there:skipValue(from.b, there)])
	return nil
}

// remove deletes what the tokens lead to, and the objects around it down to
// tokens[:known] exclusive that are empty then. known is how many of the
// leading tokens from has.
func (d *Doc) remove(tokens []string, known int, from *Doc) error {
	for n := len(tokens); n > known; n-- {
		at, ok := d.find(tokens[:n])
		if !ok {
			continue
		}
		if n < len(tokens) && (d.b[at] != '{' || d.b[skipSpace(d.b, at+1)] != '}') {
			break
		}
		if err := d.Delete(Pointer(tokens[:n]...)); err != nil {
			return err
		}
	}
	here, _ := d.find(tokens[:known])
	there, ok := from.find(tokens[:known])
	if ok && d.b[here] == '{' && from.b[there] == '{' {
		adoptSpace(d, here, from.b, there)
	}
	return nil
}

// reinsert puts a member of from's object at there into the object at here,
// behind the nearest of its old neighbours that is still there.
func (d *Doc) reinsert(here int, from *Doc, there int, key string, value []byte) {
	old, oldEnd := members(from.b, there)
	now, end := members(d.b, here)
	places := make(map[string]int, len(now))
	for i, m := range now {
		places[string(unquote(d.b[m.key:m.keyEnd]))] = i
	}
	behind, mine := -1, 0
	for i, m := range old {
		k := string(unquote(from.b[m.key:m.keyEnd]))
		if k == key {
			mine = i
			break
		}
		if at, ok := places[k]; ok {
			behind = at
		}
	}
	m := old[mine]
	before := from.b[m.before:m.key]
	core := append(append([]byte(nil), from.b[m.key:m.value]...), value...)
	var after []byte // the white space before the comma that follows
	if mine < len(old)-1 {
		after = from.b[m.valueEnd:m.end]
	}
	last := old[len(old)-1]
	closing := from.b[last.valueEnd:oldEnd]
	switch {
	case len(now) == 0:
		d.splice(here+1, end, join(before, core, closing))
	case behind < 0:
		first := now[0]
		space := d.b[first.before:first.key]
		// The one that was the first is no longer: it gets the white space
		// that it had behind its comma.
		next := string(unquote(d.b[first.key:first.keyEnd]))
		behindComma := space
		if bytes.IndexByte(space, '\n') < 0 {
			behindComma = []byte(d.style().comma)
		}
		for _, o := range old[1:] {
			if string(unquote(from.b[o.key:o.keyEnd])) == next {
				behindComma = from.b[o.before:o.key]
			}
		}
		if mine == 0 {
			space = before
		}
		d.splice(first.before, first.key, join(space, core, after, []byte{','}, behindComma))
	case behind == len(now)-1:
		previous := now[behind]
		var gap []byte
		if o, ok := lookup(from.b, there, string(unquote(d.b[previous.key:previous.keyEnd]))); ok && from.b[o.end] == ',' {
			gap = from.b[o.valueEnd:o.end]
		}
		d.splice(previous.valueEnd, end, join(gap, []byte{','}, before, core, closing))
	default:
		at := now[behind].end + 1
		d.splice(at, at, join(before, core, after, []byte{','}))
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// adoptSpace gives the object at here the white space that the object at there
// of the older text has, when both have the same keys in the same order and are
// laid out alike: members on lines with the same indentation, or within a line.
func adoptSpace(d *Doc, here int, older []byte, there int) {
	now, end := members(d.b, here)
	old, oldEnd := members(older, there)
	if len(now) != len(old) {
		return
	}
	if len(now) == 0 {
		d.splice(here+1, end, older[there+1:oldEnd])
		return
	}
	oneLine := true
	sameLines := true
	for i, m := range now {
		o := old[i]
		if !bytes.Equal(unquote(d.b[m.key:m.keyEnd]), unquote(older[o.key:o.keyEnd])) {
			return
		}
		a, b := d.b[m.before:m.key], older[o.before:o.key]
		sameLines = sameLines && bytes.Equal(a, b)
		oneLine = oneLine && bytes.IndexByte(a, '\n') < 0 && bytes.IndexByte(b, '\n') < 0
	}
	if !oneLine && !sameLines {
		return
	}
	var text []byte
	for i, m := range now {
		o := old[i]
		text = append(text, older[o.before:o.key]...)
		text = append(text, d.b[m.key:m.valueEnd]...)
		text = append(text, older[o.valueEnd:o.end]...)
		if i < len(now)-1 {
			text = append(text, ',')
		}
	}
	d.splice(here+1, end, text)
}
