package runtimedb

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

const planted = "planted p'ss"

func (r *rig) wantEmpty(block string) {
	r.t.Helper()
	if p, _, text := r.plan(block); len(p.Changes)+len(p.Steps) > 0 {
		r.t.Errorf("the plan is not empty:\n%s", text)
	}
}

// The main way: in, back, in again, on to another place, another password.
func TestMoveForRealAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 1)
	r.start()
	block := r.block("schema = \"rt\"\n table_prefix = \"a_\"\n user = \"dss\"")
	before := r.settings()
	p, e, planned := r.plan(block)
	if len(p.Steps) != 6 {
		t.Fatalf("plan:\n%s", planned)
	}
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err, r.notices)
	}
	r.mustBeSafe()
	if !strings.Contains(strings.Join(r.notices, "\n"), "DSS runs, and") {
		t.Errorf("DSS was not seen to use the databases: %q", r.notices)
	}
	made := r.tables("rt")
	for _, name := range made {
		if !strings.HasPrefix(name, "a_") {
			t.Errorf("table %s has no prefix", name)
		}
	}
	if strings.Contains(r.settings(), planted) || !strings.Contains(r.settings(), "e:AES:") {
		t.Error("the password is not encrypted in the settings")
	}
	r.wantEmpty(block)
	record := r.record
	r.record = nil // memory lost: the login tells
	r.wantEmpty(block)
	r.record = record

	r.mayBeUndone(p, e)
	// Somebody else's table comes up meanwhile; it must survive.
	r.sql(`CREATE TABLE rt.ab_jobs (id integer); CREATE TABLE rt.foreigner (id integer)`)
	if left := r.undo(p, e); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if got := r.tables("rt"); !cmp.Equal(got, []string{"ab_jobs", "foreigner"}) {
		t.Errorf("after the undo: tables %q", got)
	}
	if diff := cmp.Diff(before, r.settings()); diff != "" {
		t.Errorf("the settings are not as before: %s", diff)
	}
	r.record = nil
	r.start()

	p, e, _ = r.plan(block)
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err)
	}
	transferAndRotate(t, r)
}

func transferAndRotate(t *testing.T, r *rig) {
	// On to a prefix that begins the old one, in the same schema.
	block := r.block("schema = \"rt\"\n table_prefix = \"a\"\n user = \"dss\"\n other_prefixes = [\"ab_\"]")
	old := r.tables("rt")
	p, e, planned := r.plan(block)
	r.begin()
	// As if killed between the receipt and the commit: nothing of it is there.
	if err := (memoryReceipt{r, string(KindTransfer)}).Save(transferReceipt{Planned: []pg.Object{{Kind: "TABLE", Name: "a_never_committed"}}}); err != nil {
		t.Fatal(err)
	}
	transferred := false
	if err := r.apply(p, e, func(s providers.Step) error {
		if s.Kind == KindConfigure {
			// As if killed behind the commit: it is found done.
			for _, s := range p.Steps {
				if s.Kind == KindTransfer {
					transferred, _ = transferStep{}.Done(t.Context(), r.call(e, s))
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatalf("%v\n%s", err, planned)
	}
	if !transferred {
		t.Error("a committed transfer is not found done")
	}
	r.wantEmpty(block)
	settings := r.settings()
	r.checkUndo(p, e, "")
	r.sql(`ALTER SCHEMA rt RENAME TO away; CREATE SCHEMA rt; GRANT USAGE ON SCHEMA rt TO dss`)
	r.checkUndo(p, e, "the tables at their former place")
	r.sql(`DROP SCHEMA rt; ALTER SCHEMA away RENAME TO rt`)
	// DSS makes another table there; it stays, and is remembered.
	r.sql(`SET ROLE dss; CREATE TABLE rt.alate (id integer)`)
	if left := r.undo(p, e); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if rec := readRecord(r.record); len(rec.Leftovers) != 1 || !rec.Leftovers[0].ByDSS || rec.Leftovers[0].Objects[0].Name != "alate" {
		t.Errorf("the undo remembers %+v", rec)
	}
	r.sql(`DROP TABLE rt.alate`)
	if diff := cmp.Diff(old, r.tables("rt")); diff != "" {
		t.Errorf("after the undo of the transfer: %s", diff)
	}
	if r.settings() == settings {
		t.Error("the settings are not undone")
	}

	// Another password: no copy, no table touched.
	block = r.block("schema = \"rt\"\n table_prefix = \"a_\"\n user = \"dss\"")
	r.start()
	r.sql(`ALTER ROLE dss PASSWORD 'another one'`)
	r.secrets["pw"] = "another one"
	r.record = jsonOf(record{Type: postgresql, Password: passwordOf(testKey, ptr("not this"), r.live().Password)})
	p, e, planned = r.plan(block)
	if len(p.Changes) != 1 || p.Changes[0].Path != "password" || len(p.Steps) != 3 {
		t.Fatalf("plan:\n%s", planned)
	}
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err)
	}
	r.mustBeSafe()
	r.wantEmpty(block)
}

func ptr(s string) *string { return &s }

func (r *rig) live() live {
	doc, err := r.dss.Settings()
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := dss.ReadRuntimeDatabase(doc)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// A copy that breaks half-way is undone, also when the server is gone by then.
func TestCopyBreaksOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 5)
	block := r.block("schema = \"rt\"\n table_prefix = \"a_\"\n user = \"dss\"")
	before := r.settings()
	if err := r.kit.SetFault(dsskit.Faults{dsskit.CopyFail: ""}); err != nil {
		t.Fatal(err)
	}
	p, e, _ := r.plan(block)
	r.begin()
	if err := r.apply(p, e, nil); err == nil || !strings.Contains(err.Error(), "copy-databases-to-external") {
		t.Fatalf("error %v, want that of the copy", err)
	}
	if len(r.tables("rt")) == 0 {
		t.Fatal("the copy made nothing")
	}
	// Again in the same run, as after a crash: the broken attempt's tables go first.
	if err := r.kit.SetFault(nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps {
		if s.Kind == KindConfigure || s.Kind == KindCopy || s.Kind == KindVerify {
			if err := r.perform(r.call(e, s)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Contains(r.putBack, "databases") {
		t.Error("the embedded databases were not put back before the copy was tried again")
	}
	if left := r.undo(p, e); len(left) > 0 || r.settings() != before {
		t.Errorf("left behind: %q", left)
	}
	if got := r.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'rt'"); got != "0" {
		t.Error("the schema of the run is still there")
	}

	// And now with the server gone when it is to be undone.
	if err := r.kit.SetFault(dsskit.Faults{dsskit.CopyFail: ""}); err != nil {
		t.Fatal(err)
	}
	r.record = nil
	p, e, _ = r.plan(block)
	r.begin()
	if err := r.apply(p, e, nil); err == nil {
		t.Fatal("the copy did not fail")
	}
	if err := r.pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := r.undo(p, e)
	if len(left) != 2 || !strings.Contains(left[0], "the tables of this run in schema rt") {
		t.Errorf("left behind: %q, want tables and schema", left)
	}
	if r.settings() != before {
		t.Error("the settings are not as before")
	}
	if err := r.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.kit.SetFault(nil); err != nil {
		t.Fatal(err)
	}
	p, e, text := r.plan(block)
	if !strings.Contains(text, "An earlier run left tables behind") {
		t.Fatalf("plan:\n%s", text)
	}
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatal(err)
	}
	r.wantEmpty(block)
	r.mustBeSafe()
}

// Each step may have been done before a crash: doing the run again changes
// nothing, and undoing twice does no harm.
func TestStepsMayBeRepeated(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 9)
	block := r.block("schema = \"public\"\n table_prefix = \"Mixed_\"\n user = \"dss\"")
	r.sql(`GRANT CREATE ON SCHEMA public TO dss`)
	before := r.settings()
	p, e, planned := r.plan(block)
	r.begin()
	if err := r.kit.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps {
		if s.Kind == KindInUse {
			r.start()
		}
		for range 2 {
			if err := r.perform(r.call(e, s)); err != nil {
				t.Fatalf("%s: %v\n%s", s.Kind, err, planned)
			}
		}
	}
	r.wantEmpty(block)
	for range 2 {
		if left := r.undo(p, e); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	if diff := cmp.Diff(before, r.settings()); diff != "" {
		t.Errorf("the settings are not as before: %s", diff)
	}
	if got := r.tables("public"); len(got) > 0 {
		t.Errorf("tables left: %q", got)
	}
	// A table that appears between plan and apply stops it before the window.
	r.record = nil
	p, e, _ = r.plan(block)
	r.sql(`CREATE TABLE public.mixed_jobs (id integer)`)
	r.begin()
	if err := r.apply(p, e, nil); err == nil || !strings.Contains(err.Error(), "mixed_jobs") || !strings.Contains(err.Error(), string(KindRehearse)) {
		t.Errorf("error %v, want the rehearsal to name mixed_jobs", err)
	}
}
