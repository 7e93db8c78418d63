package config

import (
	"slices"
	"sync"
)

// constantsAtOnce is how many are evaluated by one of those that do so side by side.
const constantsAtOnce = 512

// evaluateConstants gives the attributes that refer to nothing and call nothing
// their values, side by side: in a large estate they are nearly all. What has no
// good value is left for attribute, which reports it in its turn.
func (l *loader) evaluateConstants() {
	var all []*expression
	for _, d := range l.decls {
		d.each(func(e *expression) {
			if e.constant && !e.broken && !e.spec.Instance {
				all = append(all, e)
			}
		})
	}
	var wg sync.WaitGroup
	for some := range slices.Chunk(all, constantsAtOnce) {
		wg.Go(func() {
			for _, e := range some {
				e.evaluateConstant()
			}
		})
	}
	wg.Wait()
}

func (e *expression) evaluateConstant() {
	v, diags := safeValue(e.attr.Expr, nil)
	if len(diags) > 0 || !v.IsWhollyKnown() {
		return
	}
	if v, d := fit(v, e); d == nil {
		e.done, e.val, e.ok = true, v, true
	}
}
