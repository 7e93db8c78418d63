package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/bench/fleet"
)

func figures(ms float64, mib int64) figure {
	d := time.Duration(ms * 1e6)
	return figure{Wall: d, Fastest: d, Slowest: d, CPU: d, RSS: mib << 20}
}

// sample has every figure; with Terraform beside it where peer is set.
func sample(peer bool) results {
	theirs := func(ms float64) *figure {
		if !peer {
			return nil
		}
		f := figures(ms, 90)
		return &f
	}
	r := results{
		Startup:  pair{figures(5, 12), theirs(40)},
		Validate: map[fleet.Shape]pair{}, Plan: map[fleet.Shape]pair{}, Growth: map[fleet.Shape]map[int]figure{},
		Started: figures(1500, 80),
		Move: &move{Wall: 4e9, Inside: 35e8, Own: 5e8, Worst: 6e8, Queries: 1e8, Rounds: 5, Actions: []moved{
			{Title: "stop DSS", Kind: "service.stop", Wall: 6e8, Own: 3e7},
		}},
	}
	r.Archive = &archives{Files: 2, Rounds: 1, Write: []way{
		{Name: readName, Figure: figures(14e3, 10)}, {Name: oursName, Figure: figures(26e3, 90), Size: 15e8}, {Name: tarName, Figure: figures(107e3, 3), Size: 15e8},
	}, Restore: []way{{Name: oursName, Figure: figures(11e3, 80)}, {Name: tarName, Figure: figures(26e3, 3)}}}
	r.Many = &archives{Files: 3, Rounds: 1, FromDisk: true, Write: []way{{Name: readName, Figure: figures(69e3, 10)}, {Name: oursName, Figure: figures(90e3, 90)}}}
	r.Backup = &backups{Files: 4, First: 46e9, Same: 10e9, Warm: 47e9, Saved: 11e9, WarmAgain: 10e9, SavedAgain: 10500e6, Down: 25e9}
	r.Editor = map[fleet.Shape]edited{}
	r.Look = &looks{Console: map[fleet.Shape]figure{}, Show: map[string]figure{"": figures(300, 40), "-json": figures(300, 40), "-format html": figures(300, 40)}}
	for _, s := range fleet.Shapes() {
		r.Editor[s] = edited{Change: figures(90, 0), Complete: figures(5, 0), RSS: 60 << 20}
		r.Look.Console[s] = figures(70, 30)
		r.Validate[s] = pair{figures(70, 30), theirs(230)}
		r.Plan[s] = pair{figures(300, 90), theirs(1000)}
		r.Growth[s] = map[int]figure{}
		for _, n := range sizes {
			r.Growth[s][n] = figures(0.3*float64(n), int64(n)/10)
		}
	}
	return r
}

func TestTargets(t *testing.T) {
	good := targets(sample(true))
	if len(good) != 19 {
		t.Fatalf("%d targets, want 19", len(good))
	}
	for _, g := range good {
		if !g.Met {
			t.Errorf("%s: %s, measured %s: not met", g.What, g.Promised, g.Measured)
		}
	}
	// One shape that is too slow is enough.
	for name, spoil := range map[string]func(*results){
		"start-up":          func(r *results) { r.Startup.Ours.Wall = 11e6 },
		"its memory":        func(r *results) { r.Startup.Ours.RSS = 26 << 20 },
		"`validate`":        func(r *results) { r.Validate[fleet.Chain] = pair{Ours: figures(81, 30)} },
		"`plan`":            func(r *results) { r.Plan[fleet.Each] = pair{Ours: figures(401, 90)} },
		"`console`":         func(r *results) { r.Look.Console[fleet.Each] = figures(81, 30) },
		"`show`":            func(r *results) { r.Look.Show[""] = figures(401, 30) },
		"t(2000)":           func(r *results) { r.Growth[fleet.Flat][2000] = figures(700, 1) },
		"t(10,000)":         func(r *results) { r.Growth[fleet.Flat][10000] = figures(3400, 1) },
		"archive of a data": func(r *results) { r.Archive.Write[1].Figure.Wall = 27e9 },
		"restore":           func(r *results) { r.Archive.Restore[0].Figure.Wall = 14e9 },
		"archive of 1,000":  func(r *results) { r.Many.Write[1].Figure.Wall = 94e9 },
		"first pass":        func(r *results) { r.Backup.Warm = 49e9 },
		"pass over what":    func(r *results) { r.Backup.SavedAgain = 12e9 },
		"pass while DSS":    func(r *results) { r.Backup.Saved = 19e9 },
		"dssctl's own":      func(r *results) { r.Move.Own = 1200 * time.Millisecond },
		"a change":          func(r *results) { r.Editor[fleet.Flat] = edited{Change: figures(101, 0)} },
	} {
		r := sample(true)
		spoil(&r)
		missed := 0
		for _, g := range targets(r) {
			if !g.Met {
				missed++
				if !strings.HasPrefix(g.What, name) {
					t.Errorf("%s: missed is %q", name, g.What)
				}
			}
		}
		if missed != 1 {
			t.Errorf("%s: %d targets missed, want 1", name, missed)
		}
	}
	if n := len(targets(results{})); n != 0 {
		t.Errorf("%d targets are judged though nothing was measured", n)
	}
}

func TestPage(t *testing.T) {
	for _, peer := range []bool{true, false} {
		p := page{Machine: machine{Processor: "P", Cores: 2}, Rounds: 7, Results: sample(peer)}
		if peer {
			p.Terraform = "v1.11.4"
		}
		var b bytes.Buffer
		if err := p.write(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if strings.Contains(text, "not met") || strings.Contains(text, "%!") {
			t.Errorf("the page is\n%s", text)
		}
		if named := strings.Contains(text, "terraform version"); named != peer {
			t.Errorf("Terraform installed: %t, on the page: %t", peer, named)
		}
		if said := strings.Contains(text, "Terraform is not installed here"); said == peer {
			t.Errorf("Terraform installed: %t, said to be missing: %t", peer, said)
		}
		width := 0
		for line := range strings.Lines(text) {
			cells := strings.Count(line, "|")
			if cells > 0 && width > 0 && cells != width {
				t.Errorf("a row of a table has %d cells, the one before %d: %s", cells, width, line)
			}
			width = cells
		}
	}
}
