package iniedit

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a file. What configparser would not read either is an error with
// the number of the line: a section or key twice, a line that is nothing of
// all, a key before the first section; further a NUL byte, a stray carriage
// return and a byte order mark.
func Parse(data []byte) (*File, error) {
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, lineError(1, "the file begins with a byte order mark, expected a [section]")
	}
	p := parser{
		file:     &File{eol: "\n", lines: make([]line, 0, bytes.Count(data, []byte{'\n'})+1)},
		sections: map[string]int{},
		keys:     map[[2]string]int{},
	}
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		p.file.eol = "\r\n"
	}
	for raw := range strings.Lines(string(data)) {
		p.number++
		if err := p.line(raw); err != nil {
			return nil, err
		}
	}
	return p.file, nil
}

func lineError(number int, format string, args ...any) error {
	return fmt.Errorf("not a valid INI file: line %d: %s", number, fmt.Sprintf(format, args...))
}

type parser struct {
	file     *File
	number   int
	section  string
	inside   bool // a section
	hasKey   bool // a line further in goes on with its value
	indent   int  // of the last heading or key
	sections map[string]int
	keys     map[[2]string]int
}

func (p *parser) line(raw string) error {
	text := strings.TrimSuffix(raw, "\n")
	text = strings.TrimSuffix(text, "\r")
	l := line{head: text, eol: raw[len(text):], section: p.section}
	if strings.ContainsRune(text, 0) {
		return lineError(p.number, "it holds a NUL byte: the file is damaged")
	}
	if l.eol == "\r" || strings.Contains(text, "\r") {
		return lineError(p.number, "it holds a carriage return that is not part of a line end")
	}
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
		p.file.lines = append(p.file.lines, l)
		return nil
	}
	l.indent = utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeftFunc(text, unicode.IsSpace))
	var err error
	if p.hasKey && l.indent > p.indent {
		l.kind = continuation
		l.cut(len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace)))
	} else {
		p.indent = l.indent
		if name, ok := sectionName(trimmed); ok {
			err = p.heading(&l, name)
		} else {
			err = p.entry(&l, trimmed)
		}
	}
	p.file.lines = append(p.file.lines, l)
	return err
}

// sectionName returns what stands between the first bracket and the last,
// without regard to brackets in a comment behind it.
func sectionName(trimmed string) (string, bool) {
	first := strings.IndexByte(trimmed, ']')
	if trimmed[0] != '[' || first < 0 {
		return "", false
	}
	if c := comment(trimmed[first:]); c >= 0 {
		trimmed = trimmed[:first+c]
	}
	last := strings.LastIndexByte(trimmed, ']')
	return trimmed[1:last], last > 1
}

func (p *parser) heading(l *line, name string) error {
	if first, twice := p.sections[name]; twice {
		return lineError(p.number, "the section [%s] is there already, in line %d", name, first)
	}
	p.sections[name] = p.number
	p.section, p.inside, p.hasKey = name, true, false
	l.kind, l.section = heading, name
	return nil
}

func (p *parser) entry(l *line, trimmed string) error {
	delimiter := strings.IndexAny(l.head, "=:")
	switch {
	case delimiter < 0:
		return lineError(p.number, "expected a [section], \"key = value\", or a comment")
	case trimmed[0] == '=' || trimmed[0] == ':':
		return lineError(p.number, "there is no key before the %c", trimmed[0])
	case !p.inside:
		return lineError(p.number, "there is a key before the first [section]")
	}
	l.kind = entry
	l.key = strings.ToLower(strings.TrimSpace(l.head[:delimiter]))
	id := [2]string{p.section, l.key}
	if first, twice := p.keys[id]; twice {
		return lineError(p.number, "the key %s is there already in [%s], in line %d", l.key, p.section, first)
	}
	p.keys[id] = p.number
	p.hasKey = true
	l.cut(delimiter + 1)
	return nil
}

// cut divides the text in head, behind the offset, into value and tail.
func (l *line) cut(offset int) {
	text := l.head
	rest := text[offset:]
	end := len(rest)
	if c := comment(rest); c >= 0 {
		end = c
	}
	value := strings.TrimSpace(rest[:end])
	start := offset
	switch {
	case value != "":
		start += len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
	case strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t"):
		// It goes before a value to come.
		start++
	}
	l.head, l.value, l.tail = text[:start], value, text[start+len(value):]
}

// comment returns where a comment begins behind a value, or -1: at a # or ;
// with white space before it.
func comment(s string) int {
	space := false
	for i, r := range s {
		if space && (r == '#' || r == ';') {
			return i
		}
		space = unicode.IsSpace(r)
	}
	return -1
}
