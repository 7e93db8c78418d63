// Package iniedit changes single lines of an INI file such as DSS's
// install.ini, and leaves all others byte for byte as they are.
//
// A file is read as Python's configparser reads it, for DSS does: "key = value"
// or "key: value", keys without regard to case, comment lines that begin with #
// or ;, values that go on in deeper indented lines, defaults in [DEFAULT]. One
// thing is read more kindly: a comment behind a value, set off by white space,
// is not part of the value, and stays when the value is changed.
package iniedit

import (
	"maps"
	"slices"
	"strings"
)

// File is an INI file. It is not safe for use by several goroutines while one
// of them edits it.
type File struct {
	lines []line
	// eol is the line end for new lines.
	eol string
	// made are the sections that Set has added and how many lines above the
	// heading came with them: such a section goes when its last key does.
	made map[string]int
}

type kind int

const (
	other        kind = iota // blank or comment
	heading                  // [section]
	entry                    // key = value
	continuation             // of the value above
)

// line is one line of the file, cut into its parts:
//
//	head   "port = "
//	value  "11200"
//	tail   "   ; the base port"
//	eol    "\n"
//
// A heading or other line is all head.
type line struct {
	kind              kind
	section, key      string // the key in lower case
	head, value, tail string
	eol               string
	indent            int
}

// defaults is the section that the others inherit from.
const defaults = "DEFAULT"

// Get returns a value, the lines of a long one joined by newlines; false when
// neither the section nor [DEFAULT] has the key.
func (f *File) Get(section, key string) (string, bool) {
	key = strings.ToLower(key)
	if !f.Has(section) {
		return "", false
	}
	for _, s := range []string{section, defaults} {
		if at := f.find(s, key); at >= 0 {
			return f.valueAt(at), true
		}
	}
	return "", false
}

// valueAt joins the value that begins in the line at.
func (f *File) valueAt(at int) string {
	out := f.lines[at].value
	for _, l := range f.lines[at+1 : f.endOfEntry(at)] {
		switch {
		case l.kind == continuation:
			out += "\n" + l.value
		case strings.TrimSpace(l.head) == "":
			out += "\n"
		}
	}
	return out
}

// Has reports whether the section is there, be it empty.
func (f *File) Has(section string) bool {
	for _, l := range f.lines {
		if l.kind == heading && l.section == section {
			return true
		}
	}
	return false
}

// Sections returns the names of the sections in their order.
func (f *File) Sections() []string {
	var out []string
	for _, l := range f.lines {
		if l.kind == heading {
			out = append(out, l.section)
		}
	}
	return out
}

// Keys returns a section's own keys, in lower case, in their order.
func (f *File) Keys(section string) []string {
	var out []string
	for _, l := range f.lines {
		if l.kind == entry && l.section == section {
			out = append(out, l.key)
		}
	}
	return out
}

// Clone returns a File of its own with the same text.
func (f *File) Clone() *File {
	return &File{lines: slices.Clone(f.lines), eol: f.eol, made: maps.Clone(f.made)}
}

// Bytes returns the text as it is now.
func (f *File) Bytes() []byte {
	var out []byte
	for _, l := range f.lines {
		out = append(out, l.head...)
		out = append(out, l.value...)
		out = append(out, l.tail...)
		out = append(out, l.eol...)
	}
	return out
}

// find returns the line of a key in lower case, or -1.
func (f *File) find(section, key string) int {
	for i, l := range f.lines {
		if l.kind == entry && l.section == section && l.key == key {
			return i
		}
	}
	return -1
}

// endOfEntry returns the line behind the last continuation of the entry at.
func (f *File) endOfEntry(at int) int {
	end := at + 1
	for i := at + 1; i < len(f.lines); i++ {
		switch f.lines[i].kind {
		case continuation:
			end = i + 1
		case heading, entry:
			return end
		}
	}
	return end
}
