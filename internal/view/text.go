package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// clean escapes what would act on whoever reads instead of showing: on a terminal,
// control characters and those that turn the direction of writing; on a CI system,
// its commands. Newlines stay.
func clean(s string) string {
	if commands.MatchString(s) {
		s = commands.ReplaceAllStringFunc(s, func(c string) string {
			at := strings.IndexAny(c, ":#") + 1
			return c[:at] + `\` + c[at:]
		})
	}
	if strings.IndexFunc(s, acts) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case acts(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// commands are how the text of a job steers GitHub Actions ("::error file=…::", at
// the beginning of a line) and Azure Pipelines ("##vso[…]", "##[…]").
var commands = lazyregexp.New(`(?m)^[ \t]*::[a-z][a-z-]*(?:[ \t][^\n]*)?::|##(?:vso)?\[`)

func acts(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029')
}

// oneLine is clean for what must stay in its line.
func oneLine(s string) string {
	return strings.ReplaceAll(clean(strings.TrimSpace(s)), "\n", `\n`)
}

// cells is how many columns s takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		if r < utf8.RuneSelf {
			n++
			continue
		}
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r < 0x300, r == '→', r == '…':
		return 1
	}
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) || unicode.Is(unicode.Cf, r) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

func pad(s string, n int) string {
	if d := n - cells(s); d > 0 {
		return s + strings.Repeat(" ", d)
	}
	return s
}

// cut shortens s to n columns.
func (s Style) cut(text string, n int) string {
	if cells(text) <= n {
		return text
	}
	end := s.ellipsis()
	room := n - cells(end)
	var b strings.Builder
	for _, r := range text {
		if room -= runeCells(r); room < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + end
}

// wrap breaks s at spaces into lines of at most n columns. A longer word stays
// whole: it may be a path or a command.
func wrap(s string, n int) []string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		var b strings.Builder
		used := 0
		for _, word := range strings.Fields(line) {
			w := cells(word)
			if used > 0 && used+1+w > n {
				out = append(out, b.String())
				b.Reset()
				used = 0
			}
			if used > 0 {
				b.WriteByte(' ')
				used++
			}
			b.WriteString(word)
			used += w
		}
		out = append(out, b.String())
	}
	return out
}
