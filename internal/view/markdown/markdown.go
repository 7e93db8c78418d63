// Package markdown writes a review as the comment of a pull request: what it
// comes to first, then what needs a person, then the details folded away. It is
// never longer than a comment may be; what does not fit is counted.
//
// Texts from outside stand in code spans and fences, or are escaped: they can
// neither break out, nor hide what follows, nor mention anybody.
package markdown

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

// MaxLength is what a comment on GitHub takes, in characters; bytes are counted
// here, which are never fewer.
const MaxLength = 65536

// Marker begins every page: a pipeline finds its comment by it and replaces it.
const Marker = "<!-- dssctl -->"

const (
	longValue = 200 // characters of a value that are shown
	longText  = 1500
	rows      = 100 // of the table of blocks
	// rest is kept free for saying what was left out.
	rest = 400
)

// Write writes a review as Markdown.
func Write(w io.Writer, r *view.Review) error { return write(w, r, MaxLength) }

func write(w io.Writer, r *view.Review, limit int) error {
	p := &page{limit: limit}
	p.head(r)
	p.needs(r)
	p.findings(r)
	p.blocks(r)
	p.instances(r)
	p.others("Could not be planned", r.Failed)
	p.others("Nothing to do", r.Quiet)
	p.foot(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// page is a text with a limit.
type page struct {
	b     strings.Builder
	limit int
	// left counts the parts that did not fit.
	left int
}

// add writes a part when it fits as a whole.
func (p *page) add(part string) bool {
	if p.b.Len()+len(part)+rest > p.limit {
		p.left++
		return false
	}
	p.b.WriteString(part)
	return true
}

func (p *page) head(r *view.Review) {
	p.b.WriteString(Marker + "\n")
	p.add("## " + text(r.Title) + "\n\n")
	if r.Run == nil {
		p.add("**" + text(r.Headline) + "**\n\n")
	} else {
		p.run(r.Run)
		p.failures(r)
	}
	if r.Scope != "" {
		p.add(text(view.Shorten(r.Scope, longText)) + "\n\n")
	}
}

func (p *page) run(r *view.ReviewRun) {
	line := "**" + text(r.Headline) + "**"
	if r.Took != "" {
		line += " It took " + text(r.Took) + "."
	}
	p.add(line + "\n\n")
	var b strings.Builder
	for _, f := range r.Facts {
		b.WriteString("- " + text(view.Shorten(f, longText)) + "\n")
	}
	for _, c := range r.Next {
		b.WriteString("- " + code(c.Command) + " " + text(c.What) + "\n")
	}
	if b.Len() > 0 {
		p.add(b.String() + "\n")
	}
}

// failures are the steps that went wrong, unfolded.
func (p *page) failures(r *view.Review) {
	for _, s := range r.Failures {
		part := "- **" + text(s.Verdict()) + ":** " + place(s) + "\n"
		if s.Error != "" {
			part += "\n" + indent(fence("text", view.Shorten(s.Error, longText)), "  ") + "\n"
		}
		p.add(part)
	}
	if len(r.Failures) > 0 {
		p.add("\n")
	}
}

// place is "`instance.design` step 3: stop DSS".
func place(s view.ReviewStep) string {
	return code(s.Instance) + " step " + strconv.Itoa(s.Number) + ": " + text(view.Shorten(s.Title, longValue))
}

// needs is what a reviewer has to decide or to do.
func (p *page) needs(r *view.Review) {
	if len(r.Gates) > 0 {
		p.add("**It is refused without " + code(strings.Join(r.Gates, " ")) + ":**\n\n")
		for _, s := range r.Dangers {
			p.add("- " + place(s) + " (" + text(dangerWord(s.Danger)) + why(s) + ")\n")
		}
		p.add("\n")
	}
	if len(r.Manual) > 0 {
		p.add("**Left to a person**, at these steps:\n\n")
		for _, s := range r.Manual {
			p.add("- " + place(s) + "\n\n" +
				indent(fence("sh", s.Manual), "  "))
		}
		p.add("\n")
	}
}

func why(s view.ReviewStep) string {
	if s.Undo == "" {
		return ""
	}
	return ": " + text(view.Shorten(s.Undo, longValue))
}

func dangerWord(d plan.Danger) string {
	if d == plan.DataLoss {
		return "loses data"
	}
	return "cannot be undone"
}

func (p *page) findings(r *view.Review) {
	for _, f := range r.Findings {
		word := "Warning"
		if f.Error {
			word = "Error"
		}
		part := "- **" + word + ":** " + text(view.Shorten(f.Summary, longValue))
		if f.Address != "" {
			part += ", for " + code(f.Address)
		}
		if f.Range != "" {
			part += ", at " + code(f.Range)
		}
		part += "\n"
		if f.Detail != "" {
			part += "\n" + indent(fence("text", view.Shorten(f.Detail, longText)), "  ")
		}
		p.add(part)
	}
	if len(r.Findings) > 0 {
		p.add("\n")
	}
}

var signs = map[plan.Op]string{plan.Create: "+", plan.Update: "!", plan.Delete: "-", plan.Forget: "#", plan.Move: "#", plan.Import: "#"}

func (p *page) blocks(r *view.Review) {
	if len(r.Blocks) == 0 {
		return
	}
	if !p.add("| | block | |\n|---|---|---|\n") {
		return
	}
	for i, b := range r.Blocks {
		if i == rows {
			p.add(fmt.Sprintf("| | and %s more | |\n", humanize.Number(int64(len(r.Blocks)-i))))
			break
		}
		if !p.add("| " + text(string(b.Op)) + " | " + cell(view.Shorten(b.Address, longValue)) + " | " + b.Changes + " |\n") {
			break
		}
	}
	p.add("\n")
}

func (p *page) instances(r *view.Review) {
	for i := range r.Instances {
		in := &r.Instances[i]
		body := ""
		if in.Observed {
			body += "It is only looked at (`mode = \"observe\"`): nothing is done.\n\n"
		}
		if len(in.Changes) > 0 {
			body += fence("diff", changes(in.Changes, 0)) + "\n"
		}
		if len(in.Stages) > 0 {
			body += fence("text", steps(in.Stages)) + "\n"
		}
		p.add("<details><summary>" + heading(in.ReviewHead) + "</summary>\n\n" + body + "</details>\n\n")
	}
}

func heading(h view.ReviewHead) string {
	return "<code>" + markup(view.Shorten(h.Address, longValue)) + "</code> " + markup(view.Shorten(strings.Join(h.Seen, " · "), longValue))
}

func (p *page) others(title string, heads []view.ReviewHead) {
	const most = 50
	if len(heads) == 0 {
		return
	}
	var b strings.Builder
	for i, h := range heads {
		if i == most {
			fmt.Fprintf(&b, "<li>and %s more</li>\n", humanize.Number(int64(len(heads)-i)))
			break
		}
		b.WriteString("<li>" + heading(h) + "</li>\n")
	}
	p.add(fmt.Sprintf("<details><summary>%s: %s</summary>\n<ul>\n%s</ul>\n</details>\n\n",
		title, humanize.Count(int64(len(heads)), "instance", "instances"), b.String()))
}

func (p *page) foot(r *view.Review) {
	if p.left > 0 {
		p.b.WriteString("\n**" + humanize.Count(int64(p.left), "part", "parts") + " did not fit into a comment.** All of it: `dssctl show PLANFILE`.\n")
	}
	foot := "\n<sub>dssctl " + markup(view.Shorten(r.Tool, 40)) + ", " + markup(r.Created) + " UTC</sub>\n"
	if p.b.Len()+len(foot) <= p.limit {
		p.b.WriteString(foot)
	}
}

func indent(s, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n"+by) + "\n"
}
