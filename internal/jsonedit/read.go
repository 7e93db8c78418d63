package jsonedit

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// What follows reads text that the scanner has found valid.

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the offset behind the string at i.
func skipString(b []byte, i int) int {
	i++
	quote := i + bytes.IndexByte(b[i:], '"')
	for {
		escape := bytes.IndexByte(b[i:quote], '\\')
		if escape < 0 {
			return quote + 1
		}
		if i += escape + 2; i > quote {
			// The quote was an escaped one.
			quote = i + bytes.IndexByte(b[i:], '"')
		}
	}
}

// skipValue returns the offset behind the value at i.
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	default:
		for i < len(b) {
			switch b[i] {
			case ' ', '\n', '\r', '\t', ',', '}', ']':
				return i
			}
			i++
		}
		return i
	}
}

// member is where one member of an object stands:
//
//	{ "a" : 1 , …
//	 ^^  ^   ^^ ^
//	 ||  |   || end: at the comma or the brace
//	 ||  |   |valueEnd
//	 ||  |   value
//	 ||  keyEnd
//	 |key
//	 before: behind the brace or the comma
type member struct{ before, key, keyEnd, value, valueEnd, end int }

// eachMember calls f for the members of the object at open until it returns
// false. It returns the offset of the closing brace, or -1 when f ended it.
func eachMember(b []byte, open int, f func(member) bool) int {
	i := open + 1
	if end := skipSpace(b, i); b[end] == '}' {
		return end
	}
	for {
		m := member{before: i}
		m.key = skipSpace(b, i)
		m.keyEnd = skipString(b, m.key)
		m.value = skipSpace(b, skipSpace(b, m.keyEnd)+1)
		m.valueEnd = skipValue(b, m.value)
		m.end = skipSpace(b, m.valueEnd)
		if !f(m) {
			return -1
		}
		if b[m.end] == '}' {
			return m.end
		}
		i = m.end + 1
	}
}

// members returns all members of the object at open, and the offset of the
// closing brace.
func members(b []byte, open int) (all []member, end int) {
	end = eachMember(b, open, func(m member) bool {
		all = append(all, m)
		return true
	})
	return all, end
}

// lookup finds a member by its key.
func lookup(b []byte, open int, key string) (found member, ok bool) {
	eachMember(b, open, func(m member) bool {
		if string(unquote(b[m.key:m.keyEnd])) == key {
			found, ok = m, true
		}
		return !ok
	})
	return found, ok
}

// child finds the value inside the object or array at i.
func child(b []byte, i int, token string) (at int, ok bool) {
	switch b[i] {
	case '{':
		m, ok := lookup(b, i, token)
		return m.value, ok
	case '[':
		want, ok := index(token)
		if !ok {
			return 0, false
		}
		i = skipSpace(b, i+1)
		for n := 0; b[i] != ']'; n++ {
			if n == want {
				return i, true
			}
			i = skipSpace(b, skipValue(b, i))
			if b[i] == ',' {
				i = skipSpace(b, i+1)
			}
		}
	}
	return 0, false
}

// unquote resolves the escapes of a string in its quotes. Half of a surrogate
// pair, which JSON allows to be written, becomes the three bytes that UTF-8
// would have for it, so that different strings stay different.
func unquote(quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				if whole := utf16.DecodeRune(r, hex4(s[i+3:])); whole != utf8.RuneError {
					r = whole
					i += 6
				}
			}
			if utf16.IsSurrogate(r) {
				out = append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
			} else {
				out = utf8.AppendRune(out, r)
			}
		default:
			out = append(out, s[i])
		}
	}
	return out
}

func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
