package timing

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestRun(t *testing.T) {
	log := t.TempDir() + "/log"
	report, err := Run(Request{Rounds: 2, Jobs: []Job{
		{Name: "a", Argv: sh("sleep 0.05; echo a >>" + log)},
		{Name: "b", Argv: sh("echo b >>" + log + "; echo words; exit 3"), Exit: 3, Prints: "word"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, samples := range report {
		if len(samples) != 2 {
			t.Errorf("%s ran %d times, want 2", name, len(samples))
		}
		for _, s := range samples {
			if s.RSS < 100<<10 || name == "a" && s.Wall < 50*time.Millisecond {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	ran, err := Run(Request{Rounds: 1, Jobs: []Job{{Name: "order", Argv: sh("test \"$(tr -d '\\n' <" + log + ")\" = ababab")}}})
	if err != nil || len(ran["order"]) != 1 {
		t.Errorf("the jobs did not run in turn: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		job  Job
		want []string
	}{
		"another exit code": {Job{Argv: sh("echo why >&2; exit 1")}, []string{"ended with 1, not 0", "why"}},
		"another output":    {Job{Argv: sh("echo other"), Prints: "this"}, []string{`does not print "this"`, "other"}},
		"no such program":   {Job{Argv: []string{"/nonexistent"}}, []string{"no such file"}},
		"ended by a signal": {Job{Argv: sh("kill -9 $$")}, []string{"ended with -1"}},
	} {
		c.job.Name = name
		_, err := Run(Request{Rounds: 1, Jobs: []Job{c.job}})
		if err == nil || slices.ContainsFunc(c.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
}
