// Package htmlpage writes a review as one HTML file for a browser: nothing is
// loaded from anywhere, no script runs, and a policy in the file forbids both.
// It is read on a phone as on paper, by keyboard as by a screen reader, in light
// as in dark; a test looks at it in a real browser.
package htmlpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// longValue is how many characters of a value are shown.
const longValue = 4000

// Write writes a review as a page. The file has a line break at its end and is
// the same for the same review.
func Write(w io.Writer, r *view.Review) error {
	t, err := template.New("page").Funcs(functions).Parse(pageHTML)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = t.Execute(&b, page{
		Review: r,
		CSS:    template.CSS(pageCSS),
		Policy: policy(),
		Totals: totals(r),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// page is what the template is given.
type page struct {
	*view.Review
	CSS    template.CSS
	Policy string
	Totals []total
}

// policy allows the page's own style and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// total is a count of blocks by what happens to them.
type total struct {
	Op    plan.Op
	Count string
}

func totals(r *view.Review) []total {
	n := map[plan.Op]int64{}
	var order []plan.Op
	for _, b := range r.Blocks {
		if n[b.Op]++; n[b.Op] == 1 {
			order = append(order, b.Op)
		}
	}
	var out []total
	for _, op := range order {
		out = append(out, total{op, humanize.Count(n[op], "block", "blocks")})
	}
	return out
}

// row is a line of a difference as a table has it.
type row struct {
	view.Difference
	Depth int
	Long  bool // it needs the whole width
}

func rows(list []view.Difference) []row { return appendRows(nil, list, 0) }

func appendRows(out []row, list []view.Difference, depth int) []row {
	for _, d := range list {
		below := d.Below
		d.Below = nil
		d.Before, d.After = view.Shorten(d.Before, longValue), view.Shorten(d.After, longValue)
		out = append(out, row{Difference: d, Depth: min(depth, 6), Long: len(d.Before) > 60 || len(d.After) > 60})
		out = appendRows(out, below, depth+1)
	}
	return out
}

var signs = map[plan.Op]string{plan.Create: "+", plan.Update: "~", plan.Delete: "−", plan.Forget: "·", plan.Move: "→", plan.Import: "←"}

var records = map[string]string{
	"begin": "begins", "end": "done", "failed": "failed", "notice": "notice", "kept": "keeps", "process": "runs", "down": "DSS goes down", "up": "DSS answers", "undo_begin": "undoing begins",
	"undo_end": "undone", "undo_failed": "undoing failed", "undo_leftover": "undone, something is left",
	"rollback": "the run goes backwards from here", "resume": "the run goes on from here", "interrupt": "interrupted",
}

var functions = template.FuncMap{
	"rows": rows,
	"sign": func(op plan.Op) string {
		if s := signs[op]; s != "" {
			return s
		}
		return "·"
	},
	"id": func(s string) string { return "i-" + anchor.Replace(s) },
	// class of a step, for the colour beside its verdict.
	"class": func(s view.ReviewStep) string {
		if s.Error != "" {
			return "failed"
		}
		return strings.ReplaceAll(string(s.Outcome), "_", "-")
	},
	"record": func(typ string) string {
		if w := records[typ]; w != "" {
			return w
		}
		return typ
	},
	"first": func(list []view.ReviewStep) int {
		if len(list) == 0 {
			return 1
		}
		return list[0].Number
	},
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"gated": func(s view.ReviewStep) bool { return s.Danger.Flag() != "" },
	"loses": func(s view.ReviewStep) bool { return s.Danger == plan.DataLoss },
	"join":  func(list []string) string { return strings.Join(list, " · ") },
	"short": func(s string) string { return view.Shorten(s, longValue) },
}

// anchor makes a name fit for an id.
var anchor = strings.NewReplacer(" ", "_", `"`, "", "'", "", "[", ".", "]", "", "\n", "_", "<", "", ">", "", "&", "")
