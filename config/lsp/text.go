package lsp

import (
	"sort"
	"unicode/utf8"
)

// encoding is how a client counts the characters of a line.
type encoding string

const (
	utf8Units  encoding = "utf-8"
	utf16Units encoding = "utf-16" // what every client can
)

// text is a file's content, with the places where its lines begin.
type text struct {
	src   string
	lines []int
}

func newText(src string) *text {
	t := &text{src: src, lines: []int{0}}
	for i := 0; i < len(src); i++ {
		// \r alone ends a line too, says the protocol.
		if c := src[i]; c == '\n' || c == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// offset is the byte at a position. One behind its line's end is that end, and
// one behind the last line is the end of the text.
func (t *text) offset(p position, e encoding) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.lines) {
		return len(t.src)
	}
	at, end := t.lines[p.Line], t.lineEnd(p.Line)
	if e == utf8Units {
		return min(at+max(p.Character, 0), end)
	}
	for units := p.Character; units > 0 && at < end; {
		r, size := utf8.DecodeRuneInString(t.src[at:end])
		units -= unitsOf(r)
		if units < 0 {
			break // inside of a pair: before it
		}
		at += size
	}
	return at
}

func (t *text) lineEnd(line int) int {
	if line+1 == len(t.lines) {
		return len(t.src)
	}
	end := t.lines[line+1] - 1
	if end > t.lines[line] && t.src[end] == '\n' && t.src[end-1] == '\r' {
		end--
	}
	return end
}

// position is the place of a byte.
func (t *text) position(offset int, e encoding) position {
	offset = max(0, min(offset, len(t.src)))
	line := sort.SearchInts(t.lines, offset+1) - 1
	begin := t.lines[line]
	if e == utf8Units {
		return position{Line: line, Character: offset - begin}
	}
	units := 0
	for _, r := range t.src[begin:offset] {
		units += unitsOf(r)
	}
	return position{Line: line, Character: units}
}

func unitsOf(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

func (t *text) rangeOf(s span, e encoding) textRange {
	return textRange{Start: t.position(s.start, e), End: t.position(s.end, e)}
}

// apply makes the text that the changes lead to, in their order.
func (t *text) apply(changes []change, e encoding) *text {
	for _, c := range changes {
		if c.Range == nil {
			t = newText(c.Text)
			continue
		}
		start, end := t.offset(c.Range.Start, e), t.offset(c.Range.End, e)
		if end < start {
			start, end = end, start
		}
		t = newText(t.src[:start] + c.Text + t.src[end:])
	}
	return t
}
