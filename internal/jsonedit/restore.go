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
// place relative to its neighbors, with the old white space, so that the file
// is byte for byte the old one when nothing else differs. When several members
// have moved among each other, not all of them may find their old order. On an
// error nothing has changed.
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
	if sameButSpace(d.b, from.b) {
		d.b = from.Bytes()
	}
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
		last := i == len(tokens)-1
		_, ok = child(d.b, here, token)
		if ok && last && d.moved(here, from, there, token) {
			if err := d.Delete(Pointer(tokens...)); err != nil {
				return err
			}
			ok = false
		}
		if !ok {
			value := from.b[was:skipValue(from.b, was)]
			if !last {
				value = []byte("{}")
				if from.b[was] != '{' {
					return errors.New("it stood inside an array that is no longer there")
				}
			}
			d.reinsert(here, from, there, token, value)
		} else if last {
			// The key too: it may be spelled with other escapes.
			now, _ := lookup(d.b, here, token)
			old, _ := lookup(from.b, there, token)
			d.splice(now.key, now.valueEnd, from.b[old.key:old.valueEnd])
			return nil
		}
		here, _ = child(d.b, here, token)
		there = was
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
	return nil
}

// reinsert puts a member of from's object at there into the object at here,
// behind the nearest of its old neighbors that is still there.
func (d *Doc) reinsert(here int, from *Doc, there int, key string, value []byte) {
	old, oldEnd := members(from.b, there)
	now, end := members(d.b, here)
	mine, behind := oldPlace(d.b, now, from.b, old, key)
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
		d.splice(here+1, end, join(from.b[old[0].before:old[0].key], core, closing))
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

// oldPlace returns the index of key among the old members, and the index among
// the present ones of the nearest of those before it that is still there; -1
// when none is.
func oldPlace(b []byte, now []member, older []byte, old []member, key string) (mine, behind int) {
	places := make(map[string]int, len(now))
	for i, m := range now {
		places[string(unquote(b[m.key:m.keyEnd]))] = i
	}
	behind = -1
	for i, m := range old {
		k := string(unquote(older[m.key:m.keyEnd]))
		if k == key {
			return i, behind
		}
		if at, ok := places[k]; ok {
			behind = at
		}
	}
	return -1, behind
}

// moved reports whether a member of both objects stands behind another
// neighbor than it did.
func (d *Doc) moved(here int, from *Doc, there int, key string) bool {
	old, _ := members(from.b, there)
	now, _ := members(d.b, here)
	_, behind := oldPlace(d.b, now, from.b, old, key)
	m, _ := lookup(d.b, here, key)
	return behind+1 == len(now) || now[behind+1] != m
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// sameButSpace reports whether two valid texts differ at most in the white
// space outside of strings.
func sameButSpace(a, b []byte) bool {
	i, j := skipSpace(a, 0), skipSpace(b, 0)
	for i < len(a) && j < len(b) {
		if a[i] != b[j] {
			return false
		}
		iEnd, jEnd := i+1, j+1
		if a[i] == '"' {
			iEnd, jEnd = skipString(a, i), skipString(b, j)
			if !bytes.Equal(a[i:iEnd], b[j:jEnd]) {
				return false
			}
		}
		i, j = skipSpace(a, iEnd), skipSpace(b, jEnd)
	}
	return i == len(a) && j == len(b)
}
