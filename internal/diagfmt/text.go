package diagfmt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean keeps what comes from files from steering the terminal.
func clean(s string) string {
	if !strings.ContainsFunc(s, odd) && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if odd(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// odd are control characters, and those that turn the writing direction.
func odd(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

func columns(s string) int { return utf8.RuneCountInString(s) }

func spaces(s string) string { return strings.Repeat(" ", columns(s)) }

// wrap breaks a line at spaces. A line that is indented is left alone: it may
// be code.
func (p *printer) wrap(line string, width int) []string {
	if p.o.Width <= 0 || columns(line) <= width || strings.HasPrefix(line, " ") {
		return []string{line}
	}
	width = max(width, 20)
	var out []string
	var b strings.Builder
	n := 0
	for word := range strings.SplitSeq(line, " ") {
		if n > 0 && n+1+columns(word) > width {
			out = append(out, b.String())
			b.Reset()
			n = 0
		}
		if n > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += columns(word)
	}
	return append(out, b.String())
}
