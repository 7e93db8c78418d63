package diagfmt

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
)

// maxLines of source are shown; a longer expression is cut.
const maxLines = 12

// snippet is the source around a diagnostic's subject, in whole lines.
type snippet struct {
	context                      string // the block it stands in: `instance "design"`
	code                         string
	startLine                    int
	highlightStart, highlightEnd int // in code, in bytes
}

// longLine is where a line is cut: a JSON file may be one line.
const longLine = 400

// shorten keeps the surroundings of the subject where there is too much.
func (s *snippet) shorten() {
	if len(s.code) <= maxLines*longLine {
		return
	}
	from := max(s.highlightStart-longLine/2, 0)
	to := min(max(s.highlightStart+longLine/2, min(s.highlightEnd, s.highlightStart+longLine)), len(s.code))
	for from > 0 && !utf8.RuneStart(s.code[from]) {
		from--
	}
	for to < len(s.code) && !utf8.RuneStart(s.code[to]) {
		to++
	}
	s.startLine += strings.Count(s.code[:from], "\n")
	s.code = s.code[from:to]
	s.highlightStart -= from
	s.highlightEnd = min(s.highlightEnd-from, len(s.code))
}

// makeSnippet returns nil where the source is not known.
func makeSnippet(d *hcl.Diagnostic, f *hcl.File) *snippet {
	if f == nil || d.Subject == nil {
		return nil
	}
	src := f.Bytes
	from, to := d.Subject.Start.Byte, d.Subject.End.Byte
	if from < 0 || from > len(src) {
		return nil
	}
	to = min(max(to, from), len(src))
	if from == to && from < len(src) && src[from] != '\n' {
		to++ // an empty place is shown by its first character
	}
	start := bytes.LastIndexByte(src[:from], '\n') + 1
	end := to
	// A subject that ends with a line's end does not reach into the next one.
	if end > from && src[end-1] == '\n' {
		end--
		to = end
	}
	if i := bytes.IndexByte(src[end:], '\n'); i >= 0 {
		end += i
	} else {
		end = len(src)
	}
	code := strings.TrimSuffix(string(src[start:end]), "\r")
	if lines := strings.SplitAfterN(code, "\n", maxLines+1); len(lines) > maxLines {
		code = strings.TrimSuffix(strings.Join(lines[:maxLines], ""), "\n")
	}
	s := &snippet{
		code: code, startLine: d.Subject.Start.Line,
		highlightStart: min(from-start, len(code)), highlightEnd: min(to-start, len(code)),
	}
	s.shorten()
	if f.Nav != nil {
		s.context = hcled.ContextString(f, from)
	}
	return s
}
