package main

import (
	"fmt"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/bench/fleet"
	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

// sizes of the estates; the first is the one that targets are about.
var sizes = []int{1000, 2000, 5000, 10000}

// pair is dssctl beside its peer, which may be missing.
type pair struct {
	Ours   figure
	Theirs *figure
}

// results are all figures of the page.
type results struct {
	Startup  pair
	Validate map[fleet.Shape]pair
	Plan     map[fleet.Shape]pair
	Look     *looks
	// Growth of the plan by size and shape.
	Growth map[fleet.Shape]map[int]figure
	// Started is the plan of 1000 instances where each question for the status
	// starts a process.
	Started figure
	Move    *move
	Archive *archives
	Many    *archives
	Backup  *backups
	Editor  map[fleet.Shape]edited
}

// beside times our command and the peer's, in turn.
func (b *bench) beside(ours timing.Job, theirs *timing.Job, rounds int) (pair, error) {
	jobs := []timing.Job{ours}
	if theirs != nil {
		jobs = append(jobs, *theirs)
	}
	figures, err := b.measure(rounds, jobs...)
	p := pair{Ours: figures[ours.Name]}
	if theirs != nil {
		f := figures[theirs.Name]
		p.Theirs = &f
	}
	return p, err
}

// startup is `version`.
func (b *bench) startup() (pair, error) {
	b.logf("start-up")
	ours := b.dssctl("dssctl", b.work, "version")
	if b.terraform == "" {
		return b.beside(ours, nil, 4*b.rounds)
	}
	theirs := b.terraformJob("terraform", b.work, "version")
	return b.beside(ours, &theirs, 4*b.rounds)
}

// estate writes an estate of n instances.
func (b *bench) estate(n int, s fleet.Shape) (string, error) {
	return b.folder(fmt.Sprintf("estate-%s-%d", s, n), map[string]string{"main.dss.hcl": fleet.Estate(b.data(), n, s)})
}

func (b *bench) data() string { return filepath.Join(b.work, "data") }

// validate is `validate` of 1000 instances, in each shape.
func (b *bench) validate() (map[fleet.Shape]pair, error) {
	out := map[fleet.Shape]pair{}
	for _, s := range fleet.Shapes() {
		b.logf("validate, %s", s)
		dir, err := b.estate(sizes[0], s)
		if err != nil {
			return nil, err
		}
		ours := b.dssctl("dssctl", dir, "validate")
		ours.Prints = fmt.Sprintf("valid: %d instances", sizes[0])
		var theirs *timing.Job
		if b.terraform != "" {
			peer, err := b.terraformDir(sizes[0], s)
			if err != nil {
				return nil, err
			}
			j := b.terraformJob("terraform", peer, "validate")
			theirs = &j
		}
		if out[s], err = b.beside(ours, theirs, 2*b.rounds); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// planJob plans an estate with nothing to do, which is also remembered, as it is
// after an apply.
func (b *bench) planJob(name string, n int, s fleet.Shape) (timing.Job, error) {
	dir, err := b.estate(n, s)
	if err != nil {
		return timing.Job{}, err
	}
	if _, err := b.do(b.answered("apply", dir, "apply", "-auto-approve")); err != nil {
		return timing.Job{}, err
	}
	j := b.answered(name, dir, "plan", "-detailed-exitcode")
	j.Prints = "No changes"
	return j, nil
}

// plan is `plan` of 1000 instances, in each shape.
func (b *bench) plan() (map[fleet.Shape]pair, error) {
	out := map[fleet.Shape]pair{}
	for _, s := range fleet.Shapes() {
		b.logf("plan, %s", s)
		ours, err := b.planJob("dssctl", sizes[0], s)
		if err != nil {
			return nil, err
		}
		var theirs *timing.Job
		if b.terraform != "" {
			peer, err := b.terraformDir(sizes[0], s)
			if err != nil {
				return nil, err
			}
			j := b.terraformJob("terraform", peer, "plan", "-detailed-exitcode")
			j.Prints = "No changes"
			theirs = &j
		}
		if out[s], err = b.beside(ours, theirs, b.rounds); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// growth is the plan of more and more instances.
func (b *bench) growth() (map[fleet.Shape]map[int]figure, error) {
	out := map[fleet.Shape]map[int]figure{}
	for _, s := range fleet.Shapes() {
		b.logf("growth of the plan, %s", s)
		var jobs []timing.Job
		for _, n := range sizes {
			j, err := b.planJob(fmt.Sprint(n), n, s)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
		figures, err := b.measure(b.rounds, jobs...)
		if err != nil {
			return nil, err
		}
		out[s] = map[int]figure{}
		for _, n := range sizes {
			out[s][n] = figures[fmt.Sprint(n)]
		}
	}
	return out, nil
}

// started is the plan of 1000 instances with a process for each status.
func (b *bench) started() (figure, error) {
	b.logf("plan with processes")
	dir, err := b.estate(sizes[0], fleet.Flat)
	if err != nil {
		return figure{}, err
	}
	j := b.dssctl("dssctl", dir, "plan", "-detailed-exitcode")
	j.Prints = "No changes"
	p, err := b.beside(j, nil, b.rounds)
	return p.Ours, err
}
