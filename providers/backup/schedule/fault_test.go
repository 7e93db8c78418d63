package schedule

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/proc"
)

// faulty fails at its nth command, before or after the command has worked.
type faulty struct {
	proc.Runner
	left  int
	after bool
}

var errCut = errors.New("cut off")

func (f *faulty) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	f.left--
	switch {
	case f.left != 0:
		return f.Runner.Run(ctx, c)
	case f.after:
		_, _ = f.Runner.Run(ctx, c) // what it did is what counts
	}
	return proc.Result{ExitCode: -1}, errCut
}

// brokenOff cuts each way to change an entry off at each of its commands. What
// is done again then ends as if nothing had been.
func brokenOff(t *testing.T, with func(proc.Runner) Scheduler) {
	ctx := t.Context()
	sound := with(proc.New(proc.Options{}))
	second := entry()
	second.Expr = "0 3 * * *"
	for name, do := range map[string]func(Scheduler) error{
		"install": func(s Scheduler) error { return s.Install(ctx, second) },
		"remove":  func(s Scheduler) error { return s.Remove(ctx, second.ID) },
	} {
		for way := range 4 {
			after, redo := way&1 == 1, way&2 == 2
			for n := 1; ; n++ {
				if err := sound.Install(ctx, entry()); err != nil {
					t.Fatal(err)
				}
				saved, err := sound.Save(ctx, entry().ID)
				if err != nil {
					t.Fatal(err)
				}
				f := &faulty{Runner: proc.New(proc.Options{}), left: n, after: after}
				if err := do(with(f)); err == nil && f.left <= 0 {
					t.Fatalf("%s, cut off at command %d: no error", name, n)
				}
				reached := f.left <= 0
				// Without being done again it can be undone as well.
				if redo {
					again(t, sound, name, n, do, second)
				}
				if err := sound.Restore(ctx, second.ID, saved); err != nil {
					t.Fatal(err)
				}
				if back, err := sound.Save(ctx, second.ID); err != nil || !cmp.Equal(saved, back) {
					t.Fatalf("%s, restored: %v, %s", name, err, cmp.Diff(saved, back))
				}
				if !reached {
					break
				}
			}
		}
	}
}

func TestCrontabBrokenOff(t *testing.T) {
	put(t, fakeCrontab(t), "# mine\n", 0o600)
	o := options(t)
	brokenOff(t, func(r proc.Runner) Scheduler { o := o; o.Runner = r; return NewCrontab(o) })
}

func TestSystemdBrokenOff(t *testing.T) {
	units, _ := fakeSystemd(t)
	o := options(t)
	o.Units, o.Sudo = filepath.Clean(units), []string{"sudo", "-n"}
	brokenOff(t, func(r proc.Runner) Scheduler { o := o; o.Runner = r; return NewSystemd(o) })
}

func again(t *testing.T, sound Scheduler, name string, n int, do func(Scheduler) error, second Entry) {
	t.Helper()
	if err := do(sound); err != nil {
		t.Fatalf("%s, again after command %d: %v", name, n, err)
	}
	found, drift, err := sound.Observe(t.Context(), second.ID)
	if there := found != nil && found.Equal(second); err != nil || drift != "" || there != (name == "install") {
		t.Fatalf("%s, again after command %d: found %+v, %q, %v", name, n, found, drift, err)
	}
}
