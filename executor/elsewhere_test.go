package executor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
)

// A data directory that is a link, and leads to another instance by now: neither
// what was planned nor the undo of what was done is for that one.
func TestDataDirectoryLeadsElsewhere(t *testing.T) {
	w := newWorld(t)
	other := newWorld(t).dataDir
	planned := w.dataDir
	w.dataDir = filepath.Join(w.dir, "current")
	lead := func(to string) {
		t.Helper()
		_ = os.Remove(w.dataDir)
		if err := os.Symlink(to, w.dataDir); err != nil {
			t.Fatal(err)
		}
	}
	lead(planned)
	e := w.executor(nil)
	p, _ := w.plan()
	p.Instances[0].RealDir = planned
	meta, err := e.Store.Meta(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := plan.Encode(p, meta.Key)
	if err != nil {
		t.Fatal(err)
	}

	refused := func(what string, err error) {
		t.Helper()
		var elsewhere *executor.ElsewhereError
		if !errors.As(err, &elsewhere) || !strings.Contains(err.Error(), planned) || !strings.Contains(err.Error(), other) {
			t.Errorf("%s: %v", what, err)
		}
	}
	lead(other)
	_, err = e.Apply(context.Background(), p, raw, executor.Options{})
	refused("apply", err)
	if len(w.log) > 0 {
		t.Errorf("something was done: %v", w.log)
	}

	lead(planned)
	result, err := e.Apply(context.Background(), p, raw, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := len(w.log)
	lead(other)
	_, err = e.Rollback(context.Background(), result.Run.ID, executor.Options{})
	refused("rollback", err)
	if len(w.log) > done {
		t.Errorf("something was undone: %v", w.log[done:])
	}
	lead(planned)
	if _, err = e.Rollback(context.Background(), result.Run.ID, executor.Options{}); err != nil {
		t.Error(err)
	}
}
