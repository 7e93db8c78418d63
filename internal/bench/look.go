package main

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/bench/fleet"
	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

// looks are the commands that look at an estate or at a plan of 1000 instances, and
// touch none.
type looks struct {
	Console map[fleet.Shape]figure
	// Show is of a plan that changes all of them, by the flags after `show`.
	Show map[string]figure
}

// shown are the flags of the shows, in the order of the page.
var shown = []string{"", "-json", "-format html"}

func (b *bench) look() (*looks, error) {
	out := &looks{Console: map[fleet.Shape]figure{}, Show: map[string]figure{}}
	for _, s := range fleet.Shapes() {
		b.logf("console, %s", s)
		j, err := b.console(s)
		if err != nil {
			return nil, err
		}
		figures, err := b.measure(2*b.rounds, j)
		if err != nil {
			return nil, err
		}
		out.Console[s] = figures[j.Name]
	}
	b.logf("show")
	estate := strings.ReplaceAll(fleet.Estate(b.data(), sizes[0], fleet.Flat), "maxRunningActivities = 20", "maxRunningActivities = 21")
	dir, err := b.folder("estate-changed", map[string]string{"main.dss.hcl": estate})
	if err != nil {
		return nil, err
	}
	if _, err := b.do(b.answered("plan", dir, "plan", "-out", "changes.plan")); err != nil {
		return nil, err
	}
	for _, flags := range shown {
		j := b.dssctl("show "+flags, dir, append(append([]string{"show"}, strings.Fields(flags)...), "changes.plan")...)
		j.Prints = fmt.Sprintf("instance.n%d", sizes[0]-1)
		figures, err := b.measure(b.rounds, j)
		if err != nil {
			return nil, err
		}
		out.Show[flags] = figures[j.Name]
	}
	return out, nil
}

// console asks for an attribute of the last instance.
func (b *bench) console(s fleet.Shape) (timing.Job, error) {
	dir, err := b.estate(sizes[0], s)
	if err != nil {
		return timing.Job{}, err
	}
	last := fmt.Sprintf("instance.n%d", sizes[0]-1)
	if s == fleet.Each {
		last = fmt.Sprintf("instance.node[%q]", fmt.Sprintf("n%d", sizes[0]-1))
	}
	if _, err := b.folder(fmt.Sprintf("estate-%s-%d", s, sizes[0]), map[string]string{"asked": last + ".node_type\n"}); err != nil {
		return timing.Job{}, err
	}
	j := b.dssctl("console", dir)
	// The shell becomes dssctl: only its standard input is another.
	j.Argv = []string{"/bin/sh", "-c", `exec "$0" console <asked`, j.Argv[0]}
	j.Prints = `"design"`
	return j, nil
}

func (p page) look(w *writer) {
	l := p.Results.Look
	w.line("## console and show")
	w.line("")
	w.line("`console` evaluates an attribute of the last of 1000 instances, in the same shapes. `show` reads the plan of a change to each of")
	w.line("1000 instances, with a window for each, and prints it.")
	w.line("")
	w.table([]string{"command", "time", "CPU", "memory"}, func(row func(...string)) {
		for _, s := range fleet.Shapes() {
			row(figureCells("`console`, `"+string(s)+"`", l.Console[s])...)
		}
		for _, flags := range shown {
			row(figureCells("`"+strings.TrimSpace("show "+flags)+"`", l.Show[flags])...)
		}
	})
}
