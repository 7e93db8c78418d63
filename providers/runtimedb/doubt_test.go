package runtimedb

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
)

// grumbling lets the copy print more than it does.
type grumbling struct {
	proc.Runner
	stderr string
}

func (g grumbling) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	result, err := g.Runner.Run(ctx, c)
	if len(c.Args) > 0 && c.Args[0] == "copy-databases-to-external" {
		result.Stderr = append(result.Stderr, g.stderr...)
	}
	return result, err
}

func TestErrorLine(t *testing.T) {
	for output, want := range map[string]string{
		"":                                       "",
		"Copying jobs\nDone: 14":                 "",
		"0 errors, mirror set, at once (really)": "",
		"Copying jobs\n  ERROR could not copy x\nException":                              "ERROR could not copy x",
		"a\norg.postgresql.util.PSQLException: ERROR\n\tat org.X.y(X.java:1)":            "org.postgresql.util.PSQLException: ERROR",
		"a\n\tat org.postgresql.X.y(X.java:1)\n":                                         "at org.postgresql.X.y(X.java:1)",
		"error: " + strings.Repeat("ü", 300):                                             "error: " + strings.Repeat("ü", 193) + "…",
		"[2026/11/20-16:00:00.000] [main] [WARN] [x]  - Error while copying timeline db": "[2026/11/20-16:00:00.000] [main] [WARN] [x]  - Error while copying timeline db",
	} {
		if diff := cmp.Diff(want, errorLine(proc.Result{Stdout: []byte(output)})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, errorLine(proc.Result{Stdout: []byte("fine"), Stderr: []byte(output)})); diff != "" {
			t.Error(diff)
		}
	}
}

// A copy that left something out and ended well all the same, and a DSS that
// made the missing table itself. Undone, that table is known again.
func TestIncompleteCopy(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 3)
	r.dss = r.dss.WithRunner(grumbling{proc.New(proc.Options{}), "java.sql.SQLException: value too long\n\tat x.Y.z(Y.java:7)\n"})
	r.start()
	block := r.block("schema = \"rt\"\n table_prefix = \"a_\"\n user = \"dss\"")
	before := r.settings()
	if err := r.kit.SetFault(dsskit.Faults{dsskit.CopyIncomplete: ""}); err != nil {
		t.Fatal(err)
	}
	p, e, _ := r.plan(block)
	r.begin()
	if err := r.apply(p, e, func(s providers.Step) error {
		if s.Kind == KindInUse {
			// The simulated DSS makes no table at its start, so this stands for it.
			r.sql("SET ROLE dss; CREATE TABLE rt.a_forgotten (id integer); RESET ROLE; CREATE TABLE rt.a_foreign (id integer)")
		}
		return nil
	}); err != nil {
		t.Fatal(err, r.notices)
	}
	r.mustBeSafe()
	said := strings.Join(r.notices, "\n")
	for _, want := range []string{
		"the copy ended well, but printed what looks like an error: java.sql.SQLException: value too long; compare the tables before you rely on it",
		"DSS made 1 table more at its start: a_forgotten; they are empty if the copy left them out",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("notices %q, want %q", r.notices, want)
		}
	}
	record := string(r.record)
	r.wantEmpty(block)
	if p, _, _ := r.plan(block); p.Record != nil {
		t.Errorf("the next plan records %s, recorded is %s", p.Record, record)
	}

	// A table of the move is missed, too.
	r.notices = nil
	gone := readRecord(r.record).Tables[0]
	r.sql("ALTER TABLE rt." + gone + " SET SCHEMA public")
	for _, s := range p.Steps {
		if s.Kind == KindInUse {
			if err := r.perform(r.call(e, s)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if said := strings.Join(r.notices, "\n"); !strings.Contains(said, "since DSS's start there is no more: "+gone) {
		t.Errorf("notices %q, want one of %s", r.notices, gone)
	}
	r.sql("ALTER TABLE public." + gone + " SET SCHEMA rt")

	r.record = nil // as the executor puts back what was before the run
	for range 2 {
		if left := r.undo(p, e); len(left) > 0 || r.settings() != before {
			t.Errorf("left behind: %q", left)
		}
	}
	if got := r.tables("rt"); !cmp.Equal(got, []string{"a_foreign", "a_forgotten"}) {
		t.Errorf("tables after the undo: %q", got)
	}
	_, _, text := r.plan(block)
	if !strings.Contains(text, "Of them, a_forgotten stayed behind when run run-1 was rolled back") {
		t.Errorf("plan:\n%s", text)
	}
	r.sql("DROP TABLE rt.a_forgotten, rt.a_foreign")
	if err := r.kit.SetFault(nil); err != nil {
		t.Fatal(err)
	}
	p, e, text = r.plan(block)
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if rec := readRecord(r.record); len(rec.Leftovers) > 0 || len(rec.Tables) == 0 {
		t.Errorf("recorded %s", r.record)
	}
	r.wantEmpty(block)
}
