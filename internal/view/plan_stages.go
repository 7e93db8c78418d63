package view

import (
	"fmt"
	"strconv"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// remark is a part of the right-hand column.
type remark struct {
	text  string
	paint paint
}

// stages writes the numbered list of an instance.
func (p *planPage) stages(in *plan.Instance) {
	windows, total := countWindows(in), 0
	for i := range in.Stages {
		total += len(in.Stages[i].Actions)
	}
	l := p.layout(in, total)
	n := 0
	for i := range in.Stages {
		st := &in.Stages[i]
		p.stageHead(l, st, windows, in.Stages[i+1:])
		for a := range st.Actions {
			n++
			p.action(l, n, &st.Actions[a])
			if st.Actions[a].Manual != "" {
				p.manual = append(p.manual, manualStep{in.Address, n, &st.Actions[a]})
			}
		}
	}
}

// layout are the columns of a list of actions.
type layout struct {
	digits int
	title  int // column of the titles
	right  int // column of the remarks
}

// widestRemark is how much room the right-hand column is sure to get.
const widestRemark = 36

func (p *planPage) layout(in *plan.Instance, total int) layout {
	l := layout{digits: max(2, len(strconv.Itoa(total)))}
	l.title = 4 + l.digits + 2
	// The column is as far left as the titles let it, and far enough left for
	// most remarks; what does not fit goes below its action.
	room, widest := 0, 24
	type pair struct{ title, remark int }
	var pairs []pair
	for i := range in.Stages {
		for a := range in.Stages[i].Actions {
			act := &in.Stages[i].Actions[a]
			if plain, _ := p.join(p.remarks(act)); plain != "" {
				pairs = append(pairs, pair{cells(oneLine(act.Title)), cells(plain)})
				room = max(room, min(cells(plain), widestRemark))
			}
		}
	}
	for _, x := range pairs {
		if l.title+x.title+2+room <= p.width() {
			widest = max(widest, x.title)
		}
	}
	l.right = l.title + widest + 2
	return l
}

func (p *planPage) stageHead(l layout, st *plan.Stage, windows int, rest []plan.Stage) {
	head := stageName(st, windows, rest)
	if st.Kind != plan.Window {
		p.line("  ", p.paint(bold, head))
		return
	}
	p.line("  ", p.paint(bold, head), spaces(max(2, l.right-2-cells(head))), stageCost(st))
}

func countWindows(in *plan.Instance) int {
	n := 0
	for i := range in.Stages {
		if in.Stages[i].Kind == plan.Window {
			n++
		}
	}
	return n
}

// stageName says when a stage is, seen from the windows; rest are the stages
// behind it.
func stageName(st *plan.Stage, windows int, rest []plan.Stage) string {
	switch {
	case st.Kind == plan.Window:
		return fmt.Sprintf("window %d", st.Number)
	case windows == 0:
		return "while DSS runs"
	case st.Kind == plan.Before && windows == 1:
		return "before the window"
	case st.Kind == plan.Before:
		return "before window 1"
	}
	for i := range rest {
		if rest[i].Kind == plan.Window {
			return fmt.Sprintf("before window %d", rest[i].Number)
		}
	}
	return "after"
}

// stageCost says how long DSS is down in a window.
func stageCost(st *plan.Stage) string {
	switch {
	case st.Note == plan.MadeHere:
		return "the instance is made here"
	case st.FoundStopped():
		return "DSS is down already"
	case st.Cost.Seconds > 0:
		return humanize.About(st.Cost.Seconds) + " down"
	}
	return "downtime not known"
}

func (p *planPage) action(l layout, n int, a *plan.Action) {
	number := fmt.Sprintf("%s%*d  ", spaces(4), l.digits, n)
	title, marks := oneLine(a.Title), p.remarks(a)
	plain, painted := p.join(marks)
	lines := wrap(title, max(24, p.width()-l.title))
	beside := plain != "" && len(lines) == 1 && l.title+cells(title)+2 <= l.right && l.right+cells(plain) <= p.width()
	if beside {
		p.line(number, pad(title, l.right-l.title), painted)
		return
	}
	p.line(number, lines[0])
	for _, s := range lines[1:] {
		p.line(spaces(l.title), s)
	}
	for _, m := range marks {
		for i, s := range wrap(m.text, max(24, p.width()-l.title-4)) {
			p.line(spaces(l.title+2+min(i, 1)*2), p.paint(m.paint, s))
		}
	}
}

// remarks are what is worth knowing of an action: how much, what it may cost,
// who does it, and the way back.
func (p *planPage) remarks(a *plan.Action) []remark {
	var out []remark
	if a.Cost.Bytes > 0 {
		out = append(out, remark{humanize.Bytes(a.Cost.Bytes), ""})
	}
	how := oneLine(a.Undo.How)
	switch {
	case a.Danger == plan.Irreversible:
		out = append(out, remark{colon("! cannot be undone", how), alarm})
	case a.Danger == plan.DataLoss && a.Undo.Possible:
		out = append(out, remark{"! loses data", alarm}, remark{colon("undo", how), dim})
	case a.Danger == plan.DataLoss:
		out = append(out, remark{colon("! loses data", how), alarm})
	case how == "":
	case a.Undo.Possible:
		out = append(out, remark{"undo: " + how, dim})
	default:
		out = append(out, remark{"no undo: " + how, dim})
	}
	if a.Manual != "" {
		out = append(out, remark{"by hand, see below", yellow})
	}
	return out
}

func colon(s, more string) string {
	if more == "" {
		return s
	}
	return s + ": " + more
}

func (p *planPage) join(marks []remark) (plain, painted string) {
	for i, m := range marks {
		if i > 0 {
			plain += p.dot()
			painted += p.dot()
		}
		plain += m.text
		painted += p.paint(m.paint, m.text)
	}
	return plain, painted
}
