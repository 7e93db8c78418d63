package markdown

import (
	"html"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// special are the characters with which Markdown could begin something.
var special = lazyregexp.New("[\\\\`*_\\[\\]|~]")

// links are what becomes a link without any brackets.
var links = lazyregexp.New(`://|(?i:\bwww)\.`)

// calls are what a forge turns into a mention of somebody or of an issue.
var calls = lazyregexp.New(`[@#]`)

// joiner is a character without width: behind an @ there is no name any more.
const joiner = "\u2060"

// text escapes what stands among Markdown's own words.
func text(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	s = special.ReplaceAllString(links.ReplaceAllStringFunc(s, unlink), `\$0`)
	s = strings.ReplaceAll(strings.ReplaceAll(s, "&", "&amp;"), "<", "&lt;")
	return calls.ReplaceAllString(s, "$0"+joiner)
}

// markup escapes what stands in an HTML tag's content.
func markup(s string) string { return html.EscapeString(calls.ReplaceAllString(s, "$0"+joiner)) }

func unlink(s string) string {
	if s == "://" {
		return ":" + joiner + "//"
	}
	return s[:len(s)-1] + joiner + "."
}

// code is a code span, also with backticks in it.
func code(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if strings.TrimSpace(s) == "" {
		return "``` ```"
	}
	ticks := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// cell is code in a table, where a bar ends the cell even inside of code.
func cell(s string) string { return strings.ReplaceAll(code(s), "|", `\|`) }

// fence is a block of code that its content cannot close.
func fence(language, s string) string {
	ticks := strings.Repeat("`", max(3, longestRun(s)+1))
	return ticks + language + "\n" + strings.TrimRight(s, "\n") + "\n" + ticks + "\n"
}

func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
