package diagfmt

import (
	"bytes"
	"strings"

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
	if f.Nav != nil {
		s.context = hcled.ContextString(f, from)
	}
	return s
}
