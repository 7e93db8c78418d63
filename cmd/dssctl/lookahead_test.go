package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/install"
	"github.com/dssctl/dssctl/providers/origin"
	"github.com/dssctl/dssctl/providers/preflight"
	"github.com/dssctl/dssctl/providers/release"
	"github.com/dssctl/dssctl/providers/runtimedb"
	"github.com/dssctl/dssctl/providers/service"
	"github.com/dssctl/dssctl/providers/settings"
)

// saved is the receipt of an action that was done.
type saved struct{}

func (saved) Save(any) error         { return nil }
func (saved) Load(any) (bool, error) { return true, nil }

// Whoever writes into a data directory, or beside it, finds one that is closed.
func TestWhoWritesLooksAhead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "above", "dss")
	for name, text := range map[string]string{
		"install.ini": "[general]\nnodetype = design\n[server]\nport = 11200\n", "dss-version.json": `{"product_version":"14.4.1"}`, "bin/dss": "#!/bin/sh\n",
		"bin/env-default.sh": "export DKUINSTALLDIR=\"/opt/kit\"\n", "config/general-settings.json": "{}\n", "config/dip.properties": "a=b\n", "databases/jobs.mv.db": "",
	} {
		write(t, dir, name, text)
	}
	in, err := dss.Open(dir, dss.Options{UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := (&world{}).aspects()
	known := performers(all)
	writers := map[plan.Kind]string{
		settings.KindMerge: "", install.KindEdit: "", release.KindInstall: "", release.KindReplay: "", service.KindBackup: "",
		runtimedb.KindConfigure: "", runtimedb.KindReconfigure: "", runtimedb.KindEmbed: "", runtimedb.KindGovern: "",
		backup.KindSetAside: `{"restore":{"set":"20261130T000000Z"}}`, backup.KindPlace: `{"restore":{"set":"20261130T000000Z","elsewhere":{"data_dir":"x"}}}`,
		origin.KindCheck: `{"kit":"/opt/kit","port":11200}`,
	}
	look := func(kind plan.Kind, args string) []preflight.Finding {
		t.Helper()
		p, ok := known[kind].(providers.Preflighter)
		if !ok {
			t.Fatalf("%s does not look ahead", kind)
		}
		if args == "" {
			args = "{}"
		}
		found, err := p.Preflight(t.Context(), &providers.Call{Action: plan.Action{Kind: kind, Args: []byte(args)}, Instance: in})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		return preflight.Errors(found)
	}
	for kind, args := range writers {
		if found := look(kind, args); len(found) > 0 {
			t.Errorf("%s finds something where all is well: %v", kind, found)
		}
	}
	folders := []string{"config", "bin", ".", ".."}
	for _, f := range folders {
		if err := os.Chmod(filepath.Join(dir, f), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		var errs []error
		for _, f := range folders {
			errs = append(errs, os.Chmod(filepath.Join(dir, f), 0o700))
		}
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
	for kind, args := range writers {
		if found := look(kind, args); len(found) == 0 {
			t.Errorf("%s finds nothing where nothing can be written", kind)
		}
	}
	// And before it is undone, with DSS up.
	for _, kind := range []plan.Kind{settings.KindMerge, install.KindEdit, runtimedb.KindConfigure, runtimedb.KindEmbed, runtimedb.KindGovern} {
		c, ok := known[kind].(providers.UndoChecker)
		if !ok || c.CheckUndo(t.Context(), &providers.Call{Run: "20261130-000000-aaaa", Action: plan.Action{Kind: kind}, Instance: in, Receipt: saved{}}) == nil {
			t.Errorf("%s would be undone where nothing can be written", kind)
		}
	}
}
