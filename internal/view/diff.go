package view

import (
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
)

// entry is one line of a difference, or a heading with entries below it.
type entry struct {
	op   plan.Op
	name string
	// before and after are shown with an arrow where both are set.
	before, after string
	note          string
	below         []entry
}

// deepest is how far objects are opened; below, they are shown in one line.
const deepest = 6

// largest is the length of lists that are compared member by member.
const largest = 400

// changeEntry shows one change under a name.
func changeEntry(name string, c *plan.Change) entry {
	e := entry{op: c.Op, name: name, note: oneLine(c.Note)}
	if c.Secret {
		e.after = plan.Placeholder
		if c.Op == plan.Update {
			e.after += ", new value"
		}
		return e
	}
	e.fill(decode(c.Before), decode(c.After), 0)
	return e
}

// fill sets the values of e. Absent ones are nil.
func (e *entry) fill(before, after any, depth int) {
	switch e.op {
	case plan.Create:
		e.single(after, depth)
	case plan.Move, plan.Import:
	case plan.Delete, plan.Forget:
		e.single(before, depth)
	default:
		e.both(before, after, depth)
	}
}

// single shows a value that comes or goes.
func (e *entry) single(v any, depth int) {
	switch v := v.(type) {
	case nil: // the block or attribute itself
		return
	case map[string]any:
		if len(v) > 0 && depth < deepest {
			for _, k := range keys(v) {
				child := entry{op: e.op, name: keyName(k)}
				if v[k] == nil {
					child.after = "null"
				}
				child.single(v[k], depth+1)
				e.below = append(e.below, child)
			}
			return
		}
	}
	e.after = inline(v)
}

func (e *entry) both(before, after any, depth int) {
	if depth < deepest {
		switch b := before.(type) {
		case map[string]any:
			if a, ok := after.(map[string]any); ok {
				e.objects(b, a, depth)
				return
			}
		case []any:
			if a, ok := after.([]any); ok && len(a) <= largest && len(b) <= largest {
				e.lists(b, a)
				return
			}
		}
	}
	e.before, e.after = none, none
	if before != nil {
		e.before = inline(before)
	}
	if after != nil {
		e.after = inline(after)
	}
}

func (e *entry) objects(before, after map[string]any, depth int) {
	same := 0
	for _, k := range keys(before, after) {
		b, hadIt := before[k]
		a, hasIt := after[k]
		child := entry{name: keyName(k)}
		switch {
		case !hadIt:
			child.op = plan.Create
		case !hasIt:
			child.op = plan.Delete
		case compact(a) == compact(b):
			same++
			continue
		default:
			child.op = plan.Update
		}
		if child.fill(b, a, depth+1); child.after == "" && len(child.below) == 0 {
			child.after = "null"
		}
		e.below = append(e.below, child)
	}
	if same > 0 {
		e.below = append(e.below, entry{note: humanize.Count(int64(same), "member stays", "members stay")})
	}
}

// lists shows the members that come and go, by the longest common subsequence.
func (e *entry) lists(before, after []any) {
	b, a := texts(before), texts(after)
	length := make([][]int, len(b)+1)
	for i := range length {
		length[i] = make([]int, len(a)+1)
	}
	for i := len(b) - 1; i >= 0; i-- {
		for j := len(a) - 1; j >= 0; j-- {
			if b[i] == a[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(b) || j < len(a) {
		switch {
		case i < len(b) && j < len(a) && b[i] == a[j]:
			i, j = i+1, j+1
		case j == len(a) || i < len(b) && length[i+1][j] >= length[i][j+1]:
			e.below = append(e.below, entry{op: plan.Delete, after: inline(before[i])})
			i++
		default:
			e.below = append(e.below, entry{op: plan.Create, after: inline(after[j])})
			j++
		}
	}
	if same := length[0][0]; same > 0 {
		e.below = append(e.below, entry{note: humanize.Count(int64(same), "member stays", "members stay")})
	}
}

func texts(list []any) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = compact(v)
	}
	return out
}
