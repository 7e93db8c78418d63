package view

import (
	"strconv"

	"github.com/dssctl/dssctl/internal/plan"
)

// What the rooms below say in the same words.

// Clean escapes what would act instead of showing: control characters and those
// that turn the direction of writing. Newlines stay.
func Clean(s string) string { return clean(s) }

// Shorten cuts a value to n characters and says how long it is.
func Shorten(text string, n int) string { return Style{Unicode: true}.shorten(text, n) }

// StageCost says how long DSS is down in a window.
func StageCost(st *plan.Stage) string { return stageCost(st) }

// Differences are the changes of one block of an instance, a line each.
func Differences(in *plan.Instance, name string) string {
	p := &planPage{page: page{Style: Style{Unicode: true}}, seen: map[plan.Op]bool{}}
	for _, b := range blocks(in, nil) {
		if b.name == name {
			p.entries(0, []entry{b.entry()})
		}
	}
	return p.b.String()
}

// ParseRange reads "FILE:LINE,COLUMN-COLUMN", or with a line before the last
// column; false for what is no such place.
func ParseRange(s string) (StreamRange, bool) {
	m := sourceRange.FindStringSubmatch(s)
	if m == nil {
		return StreamRange{}, false
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	r := StreamRange{Filename: m[1], Start: StreamPos{n(m[2]), n(m[3])}, End: StreamPos{n(m[2]), n(m[5])}}
	if m[4] != "" {
		r.End.Line = n(m[4])
	}
	return r, true
}
