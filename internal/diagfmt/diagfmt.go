// Package diagfmt renders hcl.Diagnostics: Text for people, with the source
// line, what in it is meant, and the values involved; JSON for machines, in the
// shape of Terraform's `validate -json`, which editors understand. Sensitive
// (marked) values are never shown.
package diagfmt

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Options of Text.
type Options struct {
	// Width in columns to wrap at; 0 for no wrapping.
	Width int
	// Color allows ANSI sequences.
	Color bool
}

const (
	reset     = "\x1b[0m"
	bold      = "\x1b[1m"
	underline = "\x1b[4m"
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
	dim       = "\x1b[90m"
)

// Text writes the diagnostics, warnings first, so that the errors end up next
// to the prompt. sources are the parsed files by the names in the ranges.
func Text(w io.Writer, diags hcl.Diagnostics, sources map[string]*hcl.File, o Options) error {
	out := bufio.NewWriter(w)
	diags = slices.Clone(diags)
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return int(b.Severity) - int(a.Severity) })
	for _, d := range diags {
		p := printer{o: o, color: red, word: "Error"}
		if d.Severity == hcl.DiagWarning {
			p.color, p.word = yellow, "Warning"
		}
		p.diagnostic(d, sources)
		fmt.Fprintln(out, p.paint(p.color, "╷"))
		for _, line := range p.lines {
			fmt.Fprintln(out, strings.TrimRight(p.paint(p.color, "│")+" "+line, " "))
		}
		fmt.Fprintln(out, p.paint(p.color, "╵"))
	}
	return out.Flush()
}

// printer collects the lines of one diagnostic.
type printer struct {
	o     Options
	color string
	word  string
	lines []string
}

func (p *printer) add(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

func (p *printer) paint(color, s string) string {
	if !p.o.Color || s == "" {
		return s
	}
	return color + s + reset
}

func (p *printer) diagnostic(d *hcl.Diagnostic, sources map[string]*hcl.File) {
	for i, line := range p.wrap(p.word+": "+clean(d.Summary), p.o.Width-2) {
		if rest, ok := strings.CutPrefix(line, p.word+": "); ok && i == 0 {
			line = p.paint(p.color+bold, p.word+": ") + p.paint(bold, rest)
		}
		p.add("%s", line)
	}
	p.add("")
	if d.Subject != nil {
		p.snippet(d, sources[d.Subject.Filename])
		p.add("")
	}
	for line := range strings.SplitSeq(strings.TrimRight(clean(d.Detail), "\n"), "\n") {
		for _, part := range p.wrap(line, p.o.Width-2) {
			p.add("%s", part)
		}
	}
}

func (p *printer) snippet(d *hcl.Diagnostic, f *hcl.File) {
	s := makeSnippet(d, f)
	context := ""
	if s != nil && s.context != "" {
		context = ", in " + s.context
	}
	p.add("  on %s line %d%s:", clean(d.Subject.Filename), d.Subject.Start.Line, context)
	if s == nil {
		return
	}
	number := len(fmt.Sprint(s.startLine + strings.Count(s.code, "\n")))
	number = max(number, 2)
	offset := 0
	for i, line := range strings.Split(s.code, "\n") {
		// The part of this line that is meant.
		from := min(max(s.highlightStart-offset, 0), len(line))
		to := min(max(s.highlightEnd-offset, from), len(line))
		offset += len(line) + 1
		before, meant, after := clean(line[:from]), clean(line[from:to]), clean(line[to:])
		p.add("  %*d: %s%s%s", number, s.startLine+i, before, p.paint(underline, meant), after)
		if !p.o.Color && meant != "" && strings.TrimSpace(before+after) != "" {
			p.add("  %*s  %s%s", number, "", spaces(before), strings.Repeat("^", columns(meant)))
		}
	}
	values := statements(d)
	if len(values) == 0 {
		return
	}
	p.add("  %s", p.paint(dim, strings.Repeat(" ", number)+"├────────────────"))
	for _, v := range values {
		for i, line := range p.wrap(v.Traversal+" "+v.Statement, p.o.Width-number-6) {
			if rest, ok := strings.CutPrefix(line, v.Traversal+" "); ok && i == 0 {
				line = p.paint(bold, v.Traversal) + " " + rest
			}
			p.add("  %s %s", p.paint(dim, strings.Repeat(" ", number)+"│"), line)
		}
	}
}
