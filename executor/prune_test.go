package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/state"
)

// A new run forgets the oldest ones, and never what a rollback of a kept one
// needs.
func TestOldRunsAreForgotten(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	e := w.executor(nil)
	p, raw := w.plan()
	originals := w.dataDir + ".dssctl/originals"
	var ids []string
	for i := range executor.KeptRuns + 3 {
		id := fmt.Sprintf("20200101-%06d-aaaa", i)
		ids = append(ids, id)
		j, err := e.Store.CreateRun(ctx, state.Run{ID: id, Instances: []string{"instance.design"}}, raw)
		if err == nil {
			err = j.SetStatus(ctx, state.Done)
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(originals, id, "files"), 0o700)
		}
		// Another estate's, which this one knows nothing of.
		if err == nil {
			err = os.MkdirAll(filepath.Join(originals, fmt.Sprintf("20190101-%06d-bbbb", i), "files"), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Apply(ctx, p, raw, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	runs, err := e.Store.Runs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != executor.KeptRuns || runs[len(runs)-1].ID != ids[4] {
		t.Errorf("%d runs are left, the oldest is %s, want %d from %s on", len(runs), runs[len(runs)-1].ID, executor.KeptRuns, ids[4])
	}
	for _, r := range runs[1:] { // the first is the new one
		if _, err := os.Stat(filepath.Join(originals, r.ID, "files")); err != nil {
			t.Errorf("a rollback of %s would miss its originals: %v", r.ID, err)
		}
	}
	// Of 103 and the 4 forgotten just now, 100 stay.
	entries, err := os.ReadDir(originals)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(runs) - 1 + executor.KeptRuns; len(entries) != want {
		t.Errorf("originals of %d runs are left, want %d", len(entries), want)
	}
}
