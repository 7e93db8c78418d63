package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/bench/fleet"
)

// target is what was promised, and whether it is so.
type target struct {
	What, Promised, Measured string
	Met                      bool
}

func (t target) verdict() string {
	if t.Met {
		return "met"
	}
	return "**not met**"
}

// The promises.
const (
	startupTime   = 10 * time.Millisecond
	startupMemory = 25 << 20
	validateTime  = 80 * time.Millisecond
	planTime      = 400 * time.Millisecond
	planMemory    = 120 << 20
	planGrowth    = 2.2
	ownTime       = time.Second
	archiveGain   = 4.0
	resticFirst   = 1.05
	resticSame    = 1.1
	resticDown    = 0.4
	archiveMemory = 100 << 20
	restoreGain   = 2.0
	manyRead      = 1.35
	manyMemory    = 120 << 20
	editorTime    = 100 * time.Millisecond
)

// targets judges what was measured; what was not measured is left out. The
// slowest shape of an estate counts.
func targets(r results) []target {
	var out []target
	add := func(what, promised, measured string, met bool) {
		out = append(out, target{what, promised, measured, met})
	}
	if f := r.Startup.Ours; f.Wall > 0 {
		add("start-up of `dssctl version`", "≤ 10 ms", seconds(f.Wall), f.Wall <= startupTime)
		add("its memory", "≤ 25 MiB", mebibytes(f.RSS), f.RSS <= startupMemory)
	}
	if len(r.Validate) > 0 {
		var texts []string
		met := true
		for _, s := range fleet.Shapes() {
			f := r.Validate[s].Ours
			texts = append(texts, fmt.Sprintf("%s %s", s, seconds(f.Wall)))
			met = met && f.Wall <= validateTime
		}
		add("`validate`, 1000 instances", "≤ 80 ms", strings.Join(texts, " · "), met)
	}
	if len(r.Plan) > 0 {
		var times, sizes []string
		met, small := true, true
		for _, s := range fleet.Shapes() {
			f := r.Plan[s].Ours
			times = append(times, fmt.Sprintf("%s %s", s, seconds(f.Wall)))
			sizes = append(sizes, fmt.Sprintf("%s %s", s, mebibytes(f.RSS)))
			met = met && f.Wall <= planTime
			small = small && f.RSS <= planMemory
		}
		add("`plan`, 1000 instances, nothing to do, status answered from memory", "≤ 0.4 s", strings.Join(times, " · "), met)
		add("its memory", "≤ 120 MiB", strings.Join(sizes, " · "), small)
	}
	if l := r.Look; l != nil {
		var texts []string
		met := true
		for _, s := range fleet.Shapes() {
			texts = append(texts, fmt.Sprintf("%s %s", s, seconds(l.Console[s].Wall)))
			met = met && l.Console[s].Wall <= validateTime
		}
		add("`console`, 1000 instances, as `validate`", "≤ 80 ms", strings.Join(texts, " · "), met)
		add("`show` of a plan that changes 1000 instances, as `plan`", "≤ 0.4 s", seconds(l.Show[""].Wall), l.Show[""].Wall <= planTime)
	}
	if len(r.Growth) > 0 {
		var texts, far []string
		met, linear := true, true
		for _, s := range fleet.Shapes() {
			g := r.Growth[s]
			twice, tenfold := growth(g, 1000, 2000), growth(g, 1000, 10000)
			texts = append(texts, fmt.Sprintf("%s %.2f", s, twice))
			far = append(far, fmt.Sprintf("%s %.1f", s, tenfold))
			met = met && twice <= planGrowth
			// As far from linear as planGrowth allows for twice as much.
			linear = linear && tenfold <= 10*planGrowth/2
		}
		add("t(2000) / t(1000) of `plan`", "≤ 2.2", strings.Join(texts, " · "), met)
		add("t(10,000) / t(1000) of `plan`: linear", "≤ 11", strings.Join(far, " · "), linear)
	}
	if m := r.Move; m != nil {
		add("dssctl's own time in the move", "≤ 1 s + the questions to PostgreSQL", fmt.Sprintf("%s + %s of questions", seconds(m.Own-m.Queries), seconds(m.Queries)), m.Own-m.Queries <= ownTime)
	}
	if a := r.Archive; a != nil {
		ours, tar := a.of(a.Write, oursName), a.of(a.Write, tarName)
		if tar.Wall > 0 {
			gain := float64(tar.Wall) / float64(ours.Wall)
			add("archive of a data directory with checksums, beside `tar -czf`", "≥ 4 × faster", fmt.Sprintf("%.1f × (%s)", gain, seconds(ours.Wall)), gain >= archiveGain)
		}
		add("its memory", "≤ 100 MiB", mebibytes(ours.RSS), ours.RSS <= archiveMemory)
		if back, tar := a.of(a.Restore, oursName), a.of(a.Restore, tarName); tar.Wall > 0 {
			gain := float64(tar.Wall) / float64(back.Wall)
			add("restore of the archive, beside `tar -xzf`", "≥ 2 × faster", fmt.Sprintf("%.1f × (%s)", gain, seconds(back.Wall)), gain >= restoreGain)
		}
	}
	if k := r.Backup; k != nil {
		share := func(ours, theirs time.Duration) (float64, string) {
			s := float64(ours) / float64(max(theirs, 1))
			return s, fmt.Sprintf("%.2f × (%s)", s, seconds(ours))
		}
		first, text := share(k.Warm, k.First)
		add("first pass of the method `restic`, beside restic alone", "≤ 1.05 ×", text, first <= resticFirst)
		same, text := share(k.SavedAgain, k.Same)
		add("pass over what has not changed, beside restic alone", "≤ 1.1 ×", text, same <= resticSame)
		down, text := share(k.Saved, k.First)
		add("pass while DSS is stopped, beside a single stopped pass", "≤ 0.4 ×", text, down <= resticDown)
	}
	if a := r.Many; a != nil {
		ours, read := a.of(a.Write, oursName), a.of(a.Write, readName)
		share := float64(ours.Wall) / float64(max(read.Wall, 1))
		add("archive of 1,000,000 small files, beside reading them", "≤ 1.35 ×", fmt.Sprintf("%.2f × (%s)", share, seconds(ours.Wall)), share <= manyRead)
		add("its memory", "≤ 120 MiB", mebibytes(ours.RSS), ours.RSS <= manyMemory)
	}
	if len(r.Editor) > 0 {
		var texts []string
		met := true
		for _, s := range fleet.Shapes() {
			f := r.Editor[s].Change
			texts = append(texts, fmt.Sprintf("%s %s", s, seconds(f.Wall)))
			met = met && f.Wall <= editorTime
		}
		add("a change to its diagnostics in an editor, 1000 instances", "≤ 100 ms", strings.Join(texts, " · "), met)
	}
	return out
}

// growth is how many times longer the larger estate takes.
func growth(g map[int]figure, from, to int) float64 {
	if g[from].Wall == 0 {
		return 0
	}
	return float64(g[to].Wall) / float64(g[from].Wall)
}
