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

// While a plan waits for its yes, somebody starts or stops DSS. A plan for a stopped
// one would take DSS down without asking, and leave it so; the other would start
// what somebody keeps down.
func TestStartedOrStoppedSinceThePlan(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	p, _ := w.plan()
	meta, err := e.Store.Meta(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	apply := func(then, now string) error {
		t.Helper()
		script := "#!/bin/sh\n"
		if now != "" {
			script += "echo 'backend " + now + " pid 7, uptime 0:01:00'\n"
		}
		if err := os.WriteFile(filepath.Join(w.dataDir, "bin/dss"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		p.Instances[0].Seen.Service = then
		raw, err := plan.Encode(p, meta.Key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Apply(context.Background(), p, raw, executor.Options{})
		return err
	}
	for _, c := range []struct{ then, now string }{{"stopped", "RUNNING"}, {"stopped", "FATAL"}, {"running", ""}} {
		var stale *executor.StaleError
		if err := apply(c.then, c.now); !errors.As(err, &stale) || !strings.Contains(err.Error(), "whether DSS runs (it was "+c.then) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if len(w.log) > 0 {
		t.Errorf("something was done: %v", w.log)
	}
	if err := apply("running", "RUNNING"); err != nil {
		t.Error(err)
	}
}
