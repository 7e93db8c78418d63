package jsonedit

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 1000

// scanner checks a JSON text strictly.
type scanner struct {
	b    []byte
	i    int
	path []step
	// base is the depth of the place that the text is meant for.
	base int
	// known holds, by depth, a set of keys for large objects, for reuse.
	known []map[string]struct{}
}

// step is a key, by its place in the text, or an index.
type step struct{ key, keyEnd, index int }

func (p step) name(b []byte) string {
	if p.keyEnd == 0 {
		return strconv.Itoa(p.index)
	}
	return string(unquote(b[p.key:p.keyEnd]))
}

func (s *scanner) document() error {
	if bytes.HasPrefix(s.b, []byte("\xef\xbb\xbf")) {
		return s.fail(0, "the file begins with a byte order mark (EF BB BF), which JSON does not have")
	}
	s.space()
	if s.i == len(s.b) {
		return s.fail(s.i, "the file is empty, expected an object")
	}
	if s.b[s.i] != '{' {
		return s.unexpected("an object, which begins with {")
	}
	return s.whole()
}

// whole checks one value with nothing but white space around it.
func (s *scanner) whole() error {
	s.space()
	if err := s.value(); err != nil {
		return err
	}
	s.space()
	if s.i < len(s.b) {
		return s.unexpected("nothing more after the end of the value")
	}
	return nil
}

func (s *scanner) space() { s.i = skipSpace(s.b, s.i) }

func (s *scanner) value() error {
	if s.i >= len(s.b) {
		return s.unexpected("a value")
	}
	switch c := s.b[s.i]; {
	case c == '{':
		return s.object()
	case c == '[':
		return s.array()
	case c == '"':
		return s.str()
	case c == '-' || (c >= '0' && c <= '9'):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	default:
		return s.unexpected("a value")
	}
}

func (s *scanner) word(w string) error {
	for j := range len(w) {
		if s.i >= len(s.b) || s.b[s.i] != w[j] {
			return s.unexpected("the word " + w)
		}
		s.i++
	}
	return nil
}

func (s *scanner) enter() error {
	if len(s.path)+s.base >= MaxDepth {
		return s.fail(s.i, "nested more than %d levels deep", MaxDepth)
	}
	s.i++
	s.space()
	return nil
}

func (s *scanner) object() error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		return nil
	}
	var keys keySet
	for {
		if s.i >= len(s.b) || s.b[s.i] != '"' {
			return s.unexpected("a key in double quotes")
		}
		key := s.i
		if err := s.str(); err != nil {
			return err
		}
		s.path = append(s.path, step{key: key, keyEnd: s.i})
		if !keys.add(s, key, s.i) {
			return s.fail(key, "the key %s is there twice in the same object", printable(string(s.b[key:s.i])))
		}
		s.space()
		if s.i >= len(s.b) || s.b[s.i] != ':' {
			return s.unexpected("a colon after the key")
		}
		s.i++
		s.space()
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
		if more, err := s.separator('}'); !more {
			return err
		}
	}
}

func (s *scanner) array() error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.i < len(s.b) && s.b[s.i] == ']' {
		s.i++
		return nil
	}
	for n := 0; ; n++ {
		s.path = append(s.path, step{index: n})
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
		if more, err := s.separator(']'); !more {
			return err
		}
	}
}

// separator reads a comma, then more is true, or the end of the container.
func (s *scanner) separator(end byte) (more bool, err error) {
	s.space()
	if s.i >= len(s.b) {
		return false, s.unexpected("a comma or " + string(end))
	}
	switch s.b[s.i] {
	case end:
		s.i++
		return false, nil
	case ',':
		comma := s.i
		s.i++
		s.space()
		if s.i < len(s.b) && s.b[s.i] == end {
			return false, s.fail(comma, "a comma before %c: JSON has no trailing commas", end)
		}
		return true, nil
	default:
		return false, s.unexpected("a comma or " + string(end))
	}
}

func (s *scanner) str() error {
	start := s.i
	s.i++
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.fail(s.i, "a control character (0x%02x) inside a string must be escaped; or the string that begins at byte %d has no end", c, start)
		case c < utf8.RuneSelf:
			s.i++
		default:
			r, size := utf8.DecodeRune(s.b[s.i:])
			if r == utf8.RuneError && size <= 1 {
				return s.unexpected("a string")
			}
			s.i += size
		}
	}
	return s.unexpected("the end of a string")
}

func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		s.i = len(s.b)
		return s.unexpected("the end of a string")
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
		at := s.i
		for s.i += 2; s.i < at+6; s.i++ {
			if s.i >= len(s.b) || !isHex(s.b[s.i]) {
				return s.unexpected(`four hexadecimal digits after \u`)
			}
		}
		return nil
	default:
		s.i++
		return s.unexpected("one of the escapes that JSON has")
	}
}

func (s *scanner) number() error {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
		if s.i < len(s.b) && isDigit(s.b[s.i]) {
			return s.fail(s.i, "a number must not begin with 0")
		}
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) digits() error {
	start := s.i
	for s.i < len(s.b) && isDigit(s.b[s.i]) {
		s.i++
	}
	if s.i == start {
		return s.unexpected("a digit")
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}
