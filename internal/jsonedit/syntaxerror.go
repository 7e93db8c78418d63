package jsonedit

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a JSON text, and where.
type SyntaxError struct {
	Line, Column int // from 1; columns count characters
	Offset       int // in bytes, from 0
	// Path is the pointer of the value that was being read, "" for the top.
	Path    string
	Problem string
}

func (e *SyntaxError) Error() string {
	path := e.Path
	if path == "" {
		path = "the top"
	}
	return fmt.Sprintf("not valid JSON: line %d, column %d (byte %d), at %s: %s", e.Line, e.Column, e.Offset, printable(path), e.Problem)
}

// fail makes the error for an offset.
func (s *scanner) fail(offset int, format string, args ...any) error {
	before := s.b[:min(offset, len(s.b))]
	line := bytes.LastIndexByte(before, '\n') + 1
	keys := make([]string, len(s.path))
	for i, p := range s.path {
		keys[i] = p.name(s.b)
	}
	return &SyntaxError{
		Line:    1 + bytes.Count(before, []byte{'\n'}),
		Column:  1 + utf8.RuneCount(before[line:]),
		Offset:  offset,
		Path:    Pointer(keys...),
		Problem: fmt.Sprintf(format, args...),
	}
}

// unexpected is the error for the byte at the offset, or the end.
func (s *scanner) unexpected(expected string) error {
	if s.i >= len(s.b) {
		return s.fail(len(s.b), "the text ends here, expected %s: the file is truncated", expected)
	}
	r, size := utf8.DecodeRune(s.b[s.i:])
	switch {
	case r == utf8.RuneError && size <= 1:
		return s.fail(s.i, "invalid UTF-8 (byte 0x%02x)", s.b[s.i])
	case r == '/':
		return s.fail(s.i, "found a slash, expected %s: JSON has no comments", expected)
	case r == '\'':
		return s.fail(s.i, "found a single quote, expected %s: JSON has double quotes only", expected)
	default:
		return s.fail(s.i, "found %q, expected %s", r, expected)
	}
}
