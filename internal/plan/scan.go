package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// The limits of a plan file.
const (
	// MaxSize in bytes. A plan of 10,000 instances has about a third of it.
	MaxSize = 256 << 20
	// MaxDepth of nested objects and lists.
	MaxDepth = 200
	// maxNumber is the longest number in characters.
	maxNumber = 400
)

// syntaxError is where and why a text is not the JSON that is accepted.
type syntaxError struct {
	offset int
	reason string
	// end says that the text broke off.
	end bool
}

func (e *syntaxError) Error() string { return e.reason }

// scanner reads JSON more strictly than encoding/json does: no member twice in
// an object, no invalid UTF-8, no half surrogates, no numbers beyond a float64,
// bounded nesting. It writes the text's canonical form, which is the text
// without white space between tokens and without the top-level members digest
// and seal, and remembers what the head of a plan file says.
type scanner struct {
	data  []byte
	pos   int
	depth int
	out   io.Writer // never fails: a hash behind a buffer
	top   map[string]json.RawMessage
}

// scan reads the whole of data, which must be one JSON value.
func (s *scanner) scan() error {
	if !utf8.Valid(s.data) {
		return &syntaxError{offset: firstInvalid(s.data), reason: "is no valid UTF-8"}
	}
	s.top = map[string]json.RawMessage{}
	s.space()
	if err := s.value(); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.data) {
		return s.fail("goes on behind its end")
	}
	return nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

func (s *scanner) fail(format string, args ...any) error {
	if s.pos >= len(s.data) {
		return &syntaxError{offset: len(s.data), reason: "breaks off", end: true}
	}
	return &syntaxError{offset: s.pos, reason: fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end; a 0 in the text fits nothing.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) emit(b []byte) { _, _ = s.out.Write(b) }

func (s *scanner) value() error {
	start := s.pos
	var err error
	switch c := s.peek(); {
	case c == '{':
		return s.object()
	case c == '[':
		return s.list()
	case c == '"':
		err = s.str()
	case c == '-' || c >= '0' && c <= '9':
		err = s.number()
	default:
		err = s.word()
	}
	if err == nil {
		s.emit(s.data[start:s.pos])
	}
	return err
}

func (s *scanner) word() error {
	for _, w := range []string{"true", "false", "null"} {
		rest := s.data[s.pos:]
		if bytes.HasPrefix(rest, []byte(w)) {
			s.pos += len(w)
			return nil
		}
		if len(rest) > 0 && bytes.HasPrefix([]byte(w), rest) {
			s.pos = len(s.data)
		}
	}
	return s.fail("has %q where a value is expected", s.data[s.pos:min(s.pos+1, len(s.data))])
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > MaxDepth {
		return s.fail("is nested deeper than %d levels", MaxDepth)
	}
	s.pos++
	s.space()
	return nil
}

func (s *scanner) list() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.emit([]byte{'['})
	for first := true; s.peek() != ']'; first = false {
		if !first {
			if err := s.comma(); err != nil {
				return err
			}
			s.emit([]byte{','})
		}
		if err := s.value(); err != nil {
			return err
		}
		s.space()
	}
	s.pos++
	s.depth--
	s.emit([]byte{']'})
	return nil
}

func (s *scanner) comma() error {
	if s.peek() != ',' {
		return s.fail("has %q where a comma or an end is expected", s.data[s.pos:min(s.pos+1, len(s.data))])
	}
	s.pos++
	s.space()
	return nil
}

func (s *scanner) object() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.emit([]byte{'{'})
	var seen keySet
	written := 0
	for first := true; s.peek() != '}'; first = false {
		if !first {
			if err := s.comma(); err != nil {
				return err
			}
		}
		if s.peek() != '"' {
			return s.fail("has %q where a member's name is expected", s.data[s.pos:min(s.pos+1, len(s.data))])
		}
		start := s.pos
		if err := s.str(); err != nil {
			return err
		}
		key := s.data[start:s.pos]
		if !seen.add(key) {
			s.pos = start
			return s.fail("has the member %s twice in one object", key)
		}
		if err := s.member(key, &written); err != nil {
			return err
		}
	}
	s.pos++
	s.depth--
	s.emit([]byte{'}'})
	return nil
}

// member reads ": VALUE" behind a name.
func (s *scanner) member(key []byte, written *int) error {
	s.space()
	if s.peek() != ':' {
		return s.fail("has %q where a colon is expected", s.data[s.pos:min(s.pos+1, len(s.data))])
	}
	s.pos++
	s.space()
	out := s.out
	if s.depth == 1 && (string(key) == `"digest"` || string(key) == `"seal"`) {
		s.out = io.Discard
	} else {
		if *written > 0 {
			s.emit([]byte{','})
		}
		*written++
		s.emit(key)
		s.emit([]byte{':'})
	}
	start := s.pos
	err := s.value()
	s.out = out
	if err != nil {
		return err
	}
	if s.depth == 1 {
		s.top[unquote(key)] = json.RawMessage(s.data[start:s.pos])
	}
	s.space()
	return nil
}

// str reads a string literal.
func (s *scanner) str() error {
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c < 0x20:
			return s.fail("has a control character inside a string")
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		}
	}
	return s.fail("")
}

// escape reads an escape and leaves pos at its last byte.
func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return s.fail("has an unknown escape inside a string")
	}
	first, err := s.hex4()
	if err != nil {
		return err
	}
	switch {
	case first >= 0xDC00 && first <= 0xDFFF:
		return s.fail("has half of a surrogate pair inside a string")
	case first < 0xD800 || first > 0xDBFF:
		return nil
	}
	for _, c := range []byte{'\\', 'u'} {
		if s.pos++; s.peek() != c {
			return s.fail("has half of a surrogate pair inside a string")
		}
	}
	second, err := s.hex4()
	if err == nil && (second < 0xDC00 || second > 0xDFFF) {
		return s.fail("has half of a surrogate pair inside a string")
	}
	return err
}

// hex4 reads the four digits behind the "u" at pos.
func (s *scanner) hex4() (uint64, error) {
	if s.pos+5 > len(s.data) {
		s.pos = len(s.data)
		return 0, s.fail("")
	}
	for i := 1; i <= 4; i++ {
		switch c := s.data[s.pos+i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return 0, s.fail("has an escape without four hexadecimal digits")
		}
	}
	n, err := strconv.ParseUint(string(s.data[s.pos+1:s.pos+5]), 16, 32)
	s.pos += 4
	return n, err
}

func (s *scanner) digits() int {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos - start
}

func (s *scanner) number() error {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if s.digits() == 0 {
		return s.fail("has a number without digits")
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.fail("has a number without digits behind the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.fail("has a number without digits in its exponent")
		}
	}
	lit := s.data[start:s.pos]
	if len(lit) > maxNumber {
		return &syntaxError{offset: start, reason: fmt.Sprintf("has a number of %d characters", len(lit))}
	}
	if f, err := strconv.ParseFloat(string(lit), 64); err != nil || math.IsInf(f, 0) {
		return &syntaxError{offset: start, reason: "has a number beyond all measure"}
	}
	return nil
}

// keySet finds a name that comes twice: by looking through few, by hash among
// many.
type keySet struct {
	few  [][]byte
	many map[string]struct{}
}

const few = 12

func (k *keySet) add(quoted []byte) bool {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = []byte(unquote(quoted))
	}
	if k.many != nil {
		_, there := k.many[string(name)]
		k.many[string(name)] = struct{}{}
		return !there
	}
	for _, other := range k.few {
		if bytes.Equal(other, name) {
			return false
		}
	}
	if k.few = append(k.few, name); len(k.few) > few {
		k.many = make(map[string]struct{}, 4*few)
		for _, n := range k.few {
			k.many[string(n)] = struct{}{}
		}
	}
	return true
}

// unquote returns what a string literal that was scanned stands for.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var out string
	_ = json.Unmarshal(quoted, &out) // a scanned literal is valid
	return out
}
