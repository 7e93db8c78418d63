package jsonedit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// style is how a file is laid out.
type style struct {
	newline string
	unit    string // one step of indentation
	colon   string // between a key and its value, with the colon
	comma   string // behind a comma inside a line, without the comma
	lines   bool   // members of objects stand on lines of their own
}

// style looks at the beginning of the file; the defaults are those of most
// writers of JSON.
func (d *Doc) style() style {
	st := style{newline: "\n", unit: "  ", colon: ": ", comma: " "}
	open := skipSpace(d.b, 0)
	inner := d.b[open+1 : skipSpace(d.b, open+1)]
	st.lines = bytes.IndexByte(inner, '\n') >= 0
	if i := bytes.IndexByte(d.b, '\n'); i > 0 && d.b[i-1] == '\r' {
		st.newline = "\r\n"
	}
	eachMember(d.b, open, func(m member) bool {
		st.colon = string(d.b[m.keyEnd:m.value])
		return false
	})
	if st.lines {
		if unit := indent(inner); unit != "" {
			st.unit = unit
		}
	}
	st.comma = strings.TrimLeft(st.colon, " \t\r\n")[1:]
	if strings.ContainsAny(st.comma, "\r\n") {
		st.comma = " "
	}
	return st
}

// indent returns what stands behind the last newline of a white space.
func indent(space []byte) string {
	return string(space[bytes.LastIndexByte(space, '\n')+1:])
}

// layout is where a value goes: the indentation of its line, or none when it
// stands within a line.
type layout struct {
	style
	indent string
}

// deeper is the layout of the members of an object or array laid out as l.
func (l layout) deeper() layout {
	l.indent += l.unit
	return l
}

// breakLine starts a new line, in a layout that has lines.
func (l layout) breakLine(out []byte) []byte {
	if !l.lines {
		return out
	}
	return append(append(out, l.newline...), l.indent...)
}

// Format returns v as JSON, laid out as the file is, for Set at this pointer:
// objects and arrays over several lines with the file's indentation where the
// file has lines, within a line otherwise. v is anything that encoding/json
// takes; a json.RawMessage keeps its order, numbers and escapes. Nothing is
// escaped that need not be.
func (d *Doc) Format(pointer string, v any) ([]byte, error) {
	tokens, err := split(pointer)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the value for %s as JSON: %w", place(tokens), err)
	}
	s := scanner{b: compact.Bytes()}
	if err := s.whole(); err != nil {
		return nil, fmt.Errorf("write the value for %s: %w", place(tokens), err)
	}
	out, _ := d.layoutAt(tokens).write(nil, s.b, 0)
	return out, nil
}

// layoutAt tells how a value at the tokens is to be laid out: as its object is.
func (d *Doc) layoutAt(tokens []string) layout {
	l := layout{style: d.style()}
	at := skipSpace(d.b, 0)
	for i, token := range tokens {
		if d.b[at] == '{' {
			l = d.layoutIn(at, l)
		} else {
			l.indent += l.unit
		}
		next, ok := child(d.b, at, token)
		if !ok {
			// What is missing is made with one more step for each level.
			l.indent += strings.Repeat(l.unit, len(tokens)-1-i)
			return l
		}
		at = next
	}
	return l
}

// layoutIn is the layout of the members of the object at open, outer that of
// the object itself.
func (d *Doc) layoutIn(open int, outer layout) layout {
	all, _ := members(d.b, open)
	if len(all) == 0 {
		l := outer
		if open != skipSpace(d.b, 0) || outer.lines {
			l.indent += l.unit
		}
		return l
	}
	last := all[len(all)-1]
	space := d.b[last.before:last.key]
	l := outer
	l.colon = string(d.b[last.keyEnd:last.value])
	l.lines = bytes.IndexByte(space, '\n') >= 0
	if l.lines {
		l.indent = indent(space)
	}
	return l
}

// write appends the compact JSON value at i of b to out, laid out, and returns
// the offset behind it.
func (l layout) write(out, b []byte, i int) (_ []byte, end int) {
	var closing byte
	switch b[i] {
	case '{':
		closing = '}'
	case '[':
		closing = ']'
	default:
		end = skipValue(b, i)
		return append(out, b[i:end]...), end
	}
	out = append(out, b[i])
	i++
	if b[i] == closing {
		return append(out, closing), i + 1
	}
	inner := l.deeper()
	for {
		out = inner.breakLine(out)
		if closing == '}' {
			keyEnd := skipString(b, i)
			out = append(append(out, b[i:keyEnd]...), l.colon...)
			i = keyEnd + 1
		}
		out, i = inner.write(out, b, i)
		if b[i] == closing {
			return append(l.breakLine(out), closing), i + 1
		}
		i++
		out = append(out, ',')
		if !l.lines {
			out = append(out, l.comma...)
		}
	}
}
