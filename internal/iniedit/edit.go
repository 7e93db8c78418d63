package iniedit

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// CheckSection returns an error for a name that cannot stand in brackets.
func CheckSection(name string) error {
	if name == "" || strings.ContainsAny(name, "[]\r\n\x00") || strings.TrimSpace(name) != name {
		return fmt.Errorf("%q cannot name a section: it must not be empty, hold brackets or line ends, or begin or end with a space", name)
	}
	return nil
}

// CheckKey returns an error for a key that would be read as something else.
func CheckKey(key string) error {
	switch {
	case key == "" || strings.TrimSpace(key) != key:
		return fmt.Errorf("%q cannot be a key: it must not be empty or begin or end with a space", key)
	case strings.ContainsAny(key, "=:\r\n\x00"):
		return fmt.Errorf("%q cannot be a key: it must not hold =, : or line ends", key)
	case strings.ContainsRune("#;[", rune(key[0])):
		return fmt.Errorf("%q cannot be a key: it must not begin with %c", key, key[0])
	default:
		return nil
	}
}

// CheckValue returns an error for a value that would be read as something else.
func CheckValue(value string) error {
	switch {
	case strings.ContainsAny(value, "\r\n\x00"):
		return errors.New("the value must be one line")
	case strings.TrimSpace(value) != value:
		return errors.New("the value must not begin or end with white space, which is not read")
	case comment(" "+value) >= 0:
		return errors.New("the value must not hold a # or ; behind white space or at its beginning, which could be read as a comment")
	default:
		return nil
	}
}

// Set gives a key its value. When the key is there, just the value's bytes
// change, and a value of several lines becomes one line. A new key goes to the
// end of its section, before the blank lines there, spaced like its
// neighbors; a new section goes to the end of the file.
//
// Set panics when CheckSection, CheckKey or CheckValue would not have the
// arguments: written, they would be something else.
func (f *File) Set(section, key, value string) {
	if err := errors.Join(CheckSection(section), CheckKey(key), CheckValue(value)); err != nil {
		panic("iniedit: Set with arguments that were not checked: " + err.Error())
	}
	if at := f.find(section, strings.ToLower(key)); at >= 0 {
		f.lines[at].value = value
		f.lines[at].spaced()
		f.drop(at+1, f.endOfEntry(at), func(l line) bool { return l.kind == continuation })
		return
	}
	if !f.Has(section) {
		f.addSection(section)
	}
	f.addKey(section, key, value)
}

// spaced keeps a value apart from the comment behind it.
func (l *line) spaced() {
	if l.value != "" && (strings.HasPrefix(l.tail, "#") || strings.HasPrefix(l.tail, ";")) {
		l.tail = " " + l.tail
	}
}

// Delete takes a key out, with all lines of its value. Comments stay. A
// section that Set has made in this File goes with its last key.
func (f *File) Delete(section, key string) {
	at := f.find(section, strings.ToLower(key))
	if at < 0 {
		return
	}
	first := true
	f.drop(at, f.endOfEntry(at), func(l line) bool {
		mine := first || l.kind == continuation
		first = false
		return mine
	})
	above, made := f.made[section]
	if !made || len(f.Keys(section)) > 0 {
		return
	}
	for i, l := range f.lines {
		if l.kind == heading && l.section == section {
			f.drop(i-above, i+1, func(line) bool { return true })
			delete(f.made, section)
			return
		}
	}
}

// drop removes the lines from one to another that are wanted gone. A file
// without a line end at its end stays so.
func (f *File) drop(from, to int, gone func(line) bool) {
	open := len(f.lines) > 0 && f.lines[len(f.lines)-1].eol == ""
	kept := append([]line(nil), f.lines[:from]...)
	for _, l := range f.lines[from:to] {
		if !gone(l) {
			kept = append(kept, l)
		}
	}
	f.lines = append(kept, f.lines[to:]...)
	if n := len(f.lines); open && n > 0 {
		f.lines[n-1].eol = ""
	}
}

// insert puts lines before the line at.
func (f *File) insert(at int, added ...line) {
	if n := len(f.lines); at == n && n > 0 && f.lines[n-1].eol == "" {
		f.lines[n-1].eol = f.eol
		added[len(added)-1].eol = ""
	}
	lines := append([]line(nil), f.lines[:at]...)
	lines = append(lines, added...)
	f.lines = append(lines, f.lines[at:]...)
}

// addSection adds a heading at the end, behind a blank line where the file has
// them before its headings.
func (f *File) addSection(name string) {
	added := []line{{kind: heading, section: name, head: "[" + name + "]", eol: f.eol}}
	blank := false
	for i, l := range f.lines {
		blank = blank || (l.kind == heading && i > 0 && f.lines[i-1].blank())
	}
	above := 0
	if n := len(f.lines); n > 0 && !f.lines[n-1].blank() && (blank || len(f.Sections()) == 1) {
		section := f.lines[n-1].section
		added = append([]line{{section: section, eol: f.eol}}, added...)
		above = 1
	}
	if f.made == nil {
		f.made = map[string]int{}
	}
	f.made[name] = above
	f.insert(len(f.lines), added...)
}

func (l line) blank() bool { return l.kind == other && strings.TrimSpace(l.head) == "" }

// addKey adds an entry to a section that is there.
func (f *File) addKey(section, key, value string) {
	start, end := f.bounds(section)
	at := f.lastOf(start, end)
	added := line{kind: entry, section: section, key: strings.ToLower(key), value: value, eol: f.eol}
	if like := f.like(start, end); like != nil {
		lead := like.head[:len(like.head)-len(strings.TrimLeftFunc(like.head, unicode.IsSpace))]
		added.indent = like.indent
		added.head = lead + key + separator(like.head)
	} else {
		added.head = key + " = "
		if first := f.like(0, len(f.lines)); first != nil {
			added.head = key + separator(first.head)
		}
		if end < len(f.lines) && f.lines[end].indent > 0 {
			// Behind a key further out, the next heading would be read as the
			// key's value.
			lead := f.lines[end].head[:strings.IndexByte(f.lines[end].head, '[')]
			added.head, added.indent = lead+added.head, f.lines[end].indent
		}
	}
	f.insert(at, added)
}

// bounds returns the lines of a section, without its heading.
func (f *File) bounds(section string) (start, end int) {
	end = len(f.lines)
	for i, l := range f.lines {
		if l.kind != heading {
			continue
		}
		if start > 0 {
			return start, i
		}
		if l.section == section {
			start = i + 1
		}
	}
	return start, end
}

// lastOf returns where a new key goes: behind the last line of the section that
// is not blank. A comment right above the next heading, set off by a blank
// line, speaks of what follows and is left there.
func (f *File) lastOf(start, end int) int {
	at := end
	if end < len(f.lines) {
		top := end
		for top > start && f.lines[top-1].kind == other && !f.lines[top-1].blank() {
			top--
		}
		if top > start && f.lines[top-1].blank() {
			at = top
		}
	}
	for at > start && f.lines[at-1].blank() {
		at--
	}
	return at
}

// like returns the last entry in the lines.
func (f *File) like(start, end int) *line {
	for i := end - 1; i >= start; i-- {
		if f.lines[i].kind == entry {
			return &f.lines[i]
		}
	}
	return nil
}

// separator returns what stands between key and value: " = ".
func separator(head string) string {
	i := strings.IndexAny(head, "=:")
	from := len(strings.TrimRightFunc(head[:i], unicode.IsSpace))
	sep := head[from:]
	if strings.HasPrefix(sep, " ") && strings.HasSuffix(sep, "=") {
		// The neighbor has no value.
		sep += " "
	}
	return sep
}
