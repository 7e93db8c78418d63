package executor_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/executor"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// reader notes what is recorded when an action begins.
type reader struct {
	performer
	seen map[string]string
}

func (r reader) Do(ctx context.Context, c *providers.Call) error {
	raw, err := c.Recorded(ctx, "settings")
	if err != nil {
		return err
	}
	if _, err := c.Recorded(ctx, "another"); err != nil {
		return err
	}
	r.seen[c.Action.ID] = string(raw)
	return r.performer.Do(ctx, c)
}

// An action sees what those before it have recorded.
func TestRecorded(t *testing.T) {
	w := newWorld(t)
	e := w.executor(nil)
	r := reader{performer{w: w}, map[string]string{}}
	e.Performers = map[plan.Kind]providers.Performer{"fake.change": r, "service.stop": performer{w: w, stops: true}, "service.start": performer{w: w, start: true}}
	if _, err := apply(w, e, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"design/1": "", "design/3": `"design/1"`, "design/4": `"design/3"`, "design/6": `"design/4"`,
		"design/8": `"design/6"`, "design/10": `"design/8"`, "design/11": `"design/10"`,
	}
	if diff := cmp.Diff(want, r.seen); diff != "" {
		t.Error(diff)
	}
}
