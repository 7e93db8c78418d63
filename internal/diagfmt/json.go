package diagfmt

import (
	"encoding/json"

	"github.com/hashicorp/hcl/v2"
)

// FormatVersion of Report. A minor step adds members.
const FormatVersion = "1.0"

// Report is what `validate -json` writes.
type Report struct {
	FormatVersion string       `json:"format_version"`
	Valid         bool         `json:"valid"`
	ErrorCount    int          `json:"error_count"`
	WarningCount  int          `json:"warning_count"`
	Diagnostics   []Diagnostic `json:"diagnostics"`
}

// Diagnostic is one finding.
type Diagnostic struct {
	Severity string   `json:"severity"` // "error" or "warning"
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Range    *Range   `json:"range,omitempty"`
	Snippet  *Snippet `json:"snippet,omitempty"`
}

// Range is a place in a file.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Pos counts lines and columns from 1, bytes from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Snippet is the source, in whole lines; the offsets are in bytes of Code.
type Snippet struct {
	Context              *string `json:"context"`
	Code                 string  `json:"code"`
	StartLine            int     `json:"start_line"`
	HighlightStartOffset int     `json:"highlight_start_offset"`
	HighlightEndOffset   int     `json:"highlight_end_offset"`
	Values               []Value `json:"values"`
}

// JSON returns the diagnostics as a Report, indented, in the order given.
func JSON(diags hcl.Diagnostics, sources map[string]*hcl.File) ([]byte, error) {
	return json.MarshalIndent(NewReport(diags, sources), "", "  ")
}

// NewReport makes the report that JSON writes.
func NewReport(diags hcl.Diagnostics, sources map[string]*hcl.File) Report {
	r := Report{FormatVersion: FormatVersion, Diagnostics: []Diagnostic{}}
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			r.ErrorCount++
		} else {
			r.WarningCount++
		}
		r.Diagnostics = append(r.Diagnostics, Convert(d, sources))
	}
	r.Valid = r.ErrorCount == 0
	return r
}

// Convert makes one diagnostic's JSON form.
func Convert(d *hcl.Diagnostic, sources map[string]*hcl.File) Diagnostic {
	out := Diagnostic{Severity: "error", Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		out.Severity = "warning"
	}
	if d.Subject == nil {
		return out
	}
	out.Range = &Range{Filename: d.Subject.Filename, Start: Pos(d.Subject.Start), End: Pos(d.Subject.End)}
	s := makeSnippet(d, sources[d.Subject.Filename])
	if s == nil {
		return out
	}
	out.Snippet = &Snippet{
		Code: s.code, StartLine: s.startLine,
		HighlightStartOffset: s.highlightStart, HighlightEndOffset: s.highlightEnd,
		Values: statements(d),
	}
	if s.context != "" {
		out.Snippet.Context = &s.context
	}
	if out.Snippet.Values == nil {
		out.Snippet.Values = []Value{}
	}
	return out
}
