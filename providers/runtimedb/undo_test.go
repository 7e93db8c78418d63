package runtimedb

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// checkUndo asks each step whether it can be undone; want is in the one error that
// is expected, "" for none.
func (r *rig) checkUndo(p providers.Proposal, e *config.Estate, want string) {
	r.t.Helper()
	var all []string
	for _, s := range p.Steps {
		u, ok := New().Performers()[s.Kind].(providers.UndoChecker)
		if !ok {
			continue
		}
		if err := u.CheckUndo(r.t.Context(), r.call(e, s)); err != nil {
			if gone := (*providers.GoneError)(nil); !errors.As(err, &gone) {
				r.t.Errorf("%s: it is not said to be gone: %v", s.Kind, err)
			}
			all = append(all, err.Error())
		}
	}
	if got := strings.Join(all, "\n"); want == "" && got != "" || want != "" && (len(all) == 0 || !strings.Contains(got, want)) {
		r.t.Errorf("whether it can be undone: %q, want %q", got, want)
	}
}

// fileAway does something while a file is away.
func fileAway(t *testing.T, path string, f func()) {
	t.Helper()
	if err := os.Rename(path, path+"-away"); err != nil {
		t.Fatal(err)
	}
	f()
	if err := os.Rename(path+"-away", path); err != nil {
		t.Fatal(err)
	}
}

// mayBeUndone asks a move into PostgreSQL, which needs the original of the settings
// and the embedded databases.
func (r *rig) mayBeUndone(p providers.Proposal, e *config.Estate) {
	r.t.Helper()
	r.checkUndo(p, e, "")
	h2 := h2Files(r.dss.Path("databases"))
	if len(h2) == 0 {
		r.t.Fatal("there are no embedded databases")
	}
	fileAway(r.t, r.dss.Path("databases", h2[0].name), func() {
		r.checkUndo(p, e, "the embedded database "+r.dss.Path("databases", h2[0].name))
	})
	fileAway(r.t, r.dss.Companion()+"/originals", func() {
		r.checkUndo(p, e, "the original of "+dss.SettingsFile)
	})
}

// lost is what a step of this kind says that undoing it loses.
func (r *rig) lost(p providers.Proposal, e *config.Estate, kind plan.Kind) string {
	r.t.Helper()
	for _, s := range p.Steps {
		if l, ok := New().Performers()[s.Kind].(providers.Loser); ok && s.Kind == kind {
			text, err := l.Loses(r.t.Context(), r.call(e, s))
			if err != nil {
				r.t.Fatal(err)
			}
			return text
		}
	}
	r.t.Fatalf("there is no step %s that says what it loses", kind)
	return ""
}

// Going back to the embedded databases is undone with the loss of what DSS has
// written to them since.
func TestUndoOfEmbedLoses(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 17)
	in := r.block("schema = \"rt\"\n table_prefix = \"a_\"\n user = \"dss\"")
	p, e, _ := r.plan(in)
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.kit.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, e, _ = r.plan("runtime_database \"embedded\" {}")
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err)
	}
	if got := r.lost(p, e, KindEmbed); got != "" {
		t.Errorf("DSS has not run, and it loses %q", got)
	}
	r.start()
	if got := r.lost(p, e, KindEmbed); !strings.Contains(got, "written to its embedded databases since") {
		t.Errorf("it loses %q", got)
	}
	fileAway(t, r.dss.Companion()+"/originals", func() { r.checkUndo(p, e, "the original of ") })
}
