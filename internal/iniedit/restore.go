package iniedit

import (
	"slices"
	"strings"
)

// Restore puts one key back as it was in from, an older version of the same
// file, whatever else has changed since: all lines of its value, or its
// absence. A section that from does not have goes when it is empty then. The
// file is byte for byte the old one when nothing else but blank lines differs,
// and the key has not been deleted from around a comment.
func (f *File) Restore(section, key string, from *File) {
	key = strings.ToLower(key)
	old, at := from.find(section, key), f.find(section, key)
	switch {
	case old < 0:
		f.Delete(section, key)
		if !from.Has(section) && f.Has(section) && len(f.Keys(section)) == 0 {
			start, _ := f.bounds(section)
			f.drop(start-1, start, func(line) bool { return true })
		}
	case at < 0:
		if !f.Has(section) {
			f.addSection(section)
		}
		// The comments between the lines of its value have stayed.
		lines := slices.DeleteFunc(from.linesOf(old), func(l line) bool { return l.kind == other && !l.blank() })
		f.insert(f.placeOf(section, from, old), lines...)
	default:
		lines := from.linesOf(old)
		end := f.endOfEntry(at)
		if from.lines[len(from.lines)-1].eol == "" || f.lines[len(f.lines)-1].eol == "" {
			// One of them may be the last line, without an end.
			lines[len(lines)-1].eol = f.lines[end-1].eol
		}
		kept := append([]line(nil), f.lines[:at]...)
		f.lines = append(append(kept, lines...), f.lines[end:]...)
	}
	if sameButBlank(f, from) {
		f.lines = append([]line(nil), from.lines...)
	}
}

// placeOf returns where the line at of from goes in the same section here:
// behind the nearest line above it that is here too.
func (f *File) placeOf(section string, from *File, at int) int {
	start, end := f.bounds(section)
	top, _ := from.bounds(section)
	for at--; at >= top; at-- {
		above := from.lines[at]
		if above.blank() {
			continue
		}
		// The same comment may be there several times: count.
		nth := 0
		for _, l := range from.lines[top : at+1] {
			if l.text() == above.text() {
				nth++
			}
		}
		for i := start; i < end; i++ {
			if f.lines[i].text() != above.text() {
				continue
			}
			if nth--; nth > 0 {
				continue
			}
			if above.kind == entry {
				return f.endOfEntry(i)
			}
			return i + 1
		}
	}
	return start
}

// linesOf copies the entry at a line, with what stands between the lines of
// its value.
func (f *File) linesOf(at int) []line {
	out := append([]line(nil), f.lines[at:f.endOfEntry(at)]...)
	for i := range out {
		if out[i].eol == "" {
			out[i].eol = f.eol
		}
	}
	return out
}

// sameButBlank reports whether two files differ at most in blank lines and in
// line ends.
func sameButBlank(a, b *File) bool {
	i, j := 0, 0
	for {
		for i < len(a.lines) && a.lines[i].blank() {
			i++
		}
		for j < len(b.lines) && b.lines[j].blank() {
			j++
		}
		if i == len(a.lines) || j == len(b.lines) {
			return i == len(a.lines) && j == len(b.lines)
		}
		if a.lines[i].text() != b.lines[j].text() {
			return false
		}
		i++
		j++
	}
}

func (l line) text() string { return l.head + l.value + l.tail }
