package runtimedb

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

func TestProposeGovern(t *testing.T) {
	const block = "runtime_database \"postgresql\" {\n host = \"pg.internal\"\n database = \"govern\"\n user = \"gov\"\n password = var.pw\n"
	const url = "jdbc:postgresql://pg.internal/govern"
	old := withTables(good(), "item")
	old.Version = 120004
	for name, tt := range map[string]struct {
		block string
		live  live
		o     observation
		rec   any
	}{
		"fresh":             {block: block + "}", o: observation{target: look{sight: good()}}},
		"fresh, too old":    {block: block + "}", o: observation{target: look{sight: old}}},
		"as declared":       {block: block + "}", live: live{External: true, UseURL: true, URL: url, User: "gov", Password: pw}, o: observation{target: look{sight: withTables(good(), "item")}}},
		"never initialized": {block: block + "}", live: live{External: true, UseURL: true, URL: url, User: "gov", Password: pw}, o: observation{target: look{sight: good()}}},
		"emptied": {
			block: block + "}", live: live{External: true, UseURL: true, URL: url, User: "gov", Password: pw}, o: observation{target: look{sight: good()}},
			rec: record{Type: postgresql},
		},
		"password":           {block: block + "}", live: live{External: true, UseURL: true, URL: url, User: "gov", Password: "x"}, o: observation{target: look{sight: withTables(good(), "item")}}},
		"elsewhere":          {block: block + "}", live: live{External: true, UseURL: true, URL: "jdbc:postgresql://old/govern", User: "gov", Password: pw}, o: observation{target: look{sight: good()}}},
		"elsewhere, adopted": {block: block + "adopt = true\n}", live: live{External: true, UseURL: true, URL: "jdbc:postgresql://old/govern", User: "gov", Password: pw}, o: observation{target: look{sight: withTables(good(), "item")}}},
		"occupied":           {block: block + "}", o: observation{target: look{sight: withTables(good(), "item")}}},
		"with a prefix":      {block: block + "table_prefix = \"x_\"\npool {}\n}"},
		"embedded":           {block: "runtime_database \"embedded\" {}"},
		"unreachable":        {block: block + "}", o: observation{target: look{err: &pg.Error{Kind: pg.Refused, Doing: "connect to", Where: "x"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t, tt.block)
			o := tt.o
			o.node, o.live = "govern", tt.live
			req := providers.Request{Address: "instance.design", Facts: dss.Facts{NodeType: "govern", Version: "14.4.1"}, Desired: e.Instances[0], Observed: &o, Secrets: e.Secrets, Key: testKey}
			if tt.rec != nil {
				req.Recorded = jsonOf(tt.rec)
			}
			got, diags := New().Propose(req)
			text := render(got, diags)
			if strings.Contains(text, "planted") {
				t.Error("a secret shows in the proposal")
			}
			golden(t, text)
		})
	}
}

// A fresh Govern node, for real: set up, initialized, started, undone.
func TestGovernForReal(t *testing.T) {
	t.Parallel()
	r := newRig(t, "14.4.1", 3, "govern")
	file := r.dss.Path(dss.PropertiesFile)
	read := func() string {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
	before := read()
	block := r.block("user = \"dss\"")
	r.sql(`GRANT CREATE ON SCHEMA public TO dss`)
	p, e, planned := r.plan(block)
	r.begin()
	if err := r.apply(p, e, nil); err != nil {
		t.Fatalf("%v\n%s", err, planned)
	}
	r.wantEmpty(block)
	r.mustBeSafe()
	if !strings.Contains(read(), dss.GovernURL) {
		t.Error("dip.properties does not name the database")
	}
	r.checkUndo(p, e, "")
	still := r.lost(p, e, KindGovernInit)
	r.sql(`SET ROLE dss; CREATE TABLE public.later AS SELECT generate_series(1, 100000) AS id; ANALYZE public.later`)
	if got := r.lost(p, e, KindGovernInit); got == still || !strings.Contains(got, " rows that DSS has written to schema public") {
		t.Errorf("it loses %q, and without the new rows %q", got, still)
	}
	r.sql(`DROP TABLE public.later`)
	if left := r.undo(p, e); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if diff := cmp.Diff(before, read()); diff != "" {
		t.Errorf("dip.properties is not as before: %s", diff)
	}
	if got := r.tables("public"); len(got) > 0 {
		t.Errorf("tables left: %q", got)
	}
}
