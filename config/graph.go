package config

import "strings"

// ordered puts names so that each comes after those it needs. Names that need
// each other in a circle are left out; each circle is returned once, closed:
// a, b, a. Linear in names and needs.
func ordered(names []string, needs func(string) []string) (order []string, circles [][]string) {
	const (
		unseen = iota
		open
		done
		looped
	)
	state := make(map[string]int, len(names))
	type frame struct {
		name string
		left []string
	}
	var stack []frame
	push := func(n string) {
		state[n] = open
		stack = append(stack, frame{n, needs(n)})
	}
	for _, root := range names {
		if state[root] != unseen {
			continue
		}
		push(root)
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.left) == 0 {
				if state[top.name] == open {
					state[top.name] = done
					order = append(order, top.name)
				}
				stack = stack[:len(stack)-1]
				continue
			}
			next := top.left[0]
			top.left = top.left[1:]
			switch state[next] {
			case unseen:
				push(next)
			case open, looped:
				// Looped ones that have left the stack were reported.
				if circle := circleFrom(len(stack), func(i int) string { return stack[i].name }, next); circle != nil {
					fresh := false
					for _, n := range circle {
						fresh = fresh || state[n] == open
						state[n] = looped
					}
					if fresh {
						circles = append(circles, circle)
					}
				}
			}
		}
	}
	return order, circles
}

// circleFrom returns the part of the stack from name to its top, closed.
func circleFrom(depth int, at func(int) string, name string) []string {
	for i := depth - 1; i >= 0; i-- {
		if at(i) != name {
			continue
		}
		var circle []string
		for ; i < depth; i++ {
			circle = append(circle, at(i))
		}
		return append(circle, name)
	}
	return nil
}

// circleText writes a circle as local.a → local.b → local.a.
func circleText(prefix string, circle []string) string {
	var b strings.Builder
	for i, n := range circle {
		if i > 0 {
			b.WriteString(" → ")
		}
		b.WriteString(prefix + n)
	}
	return b.String()
}
