package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// retrainer performs release.retrain: the declared saved models are built again
// in the flow, one after the other.
type retrainer struct{}

// trainedReceipt remembers the jobs by model, and what is done.
type trainedReceipt struct {
	Jobs map[string]string `json:"jobs"`
	Done []string          `json:"done"`
}

// trainTimeout bounds one model.
const trainTimeout = 24 * time.Hour

func (retrainer) Done(context.Context, *providers.Call) (bool, error) { return false, nil }

func (retrainer) Do(ctx context.Context, pc *providers.Call) error {
	c, err := open(pc)
	if err != nil {
		return err
	}
	api, err := c.api()
	if err != nil {
		return err
	}
	r := trainedReceipt{Jobs: map[string]string{}}
	if _, err := c.Receipt.Load(&r); err != nil {
		return err
	}
	var errs []error
	for i, model := range c.Models {
		if contains(r.Done, model) {
			continue
		}
		c.Progress(event.Progress{Done: int64(i), Total: int64(len(c.Models)), Unit: "models", Note: "training " + model})
		if err := c.train(ctx, api, model, &r); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			errs = append(errs, fmt.Errorf("%s: %w", model, err))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%d of %d models could not be trained; DSS runs, and `dssctl recover -resume` tries those again\n%w", len(errs), len(c.Models), errors.Join(errs...))
	}
	return nil
}

// train starts the job, or goes on waiting for the one that a killed dssctl
// started.
func (c *call) train(ctx context.Context, api *dss.API, model string, r *trainedReceipt) error {
	project, id, _ := strings.Cut(model, ".")
	job := r.Jobs[model]
	if job == "" {
		var err error
		if job, err = api.Train(ctx, project, id); err != nil {
			return err
		}
		r.Jobs[model] = job
		if err := c.Receipt.Save(*r); err != nil {
			return err
		}
	}
	pause := time.Second
	for deadline := c.Clock.Now().Add(trainTimeout); ; {
		state, err := api.JobState(ctx, project, job)
		if err != nil {
			return err
		}
		switch strings.ToUpper(state) {
		case "DONE":
			r.Done = append(r.Done, model)
			return c.Receipt.Save(*r)
		case "FAILED", "ABORTED":
			delete(r.Jobs, model)
			return errors.Join(fmt.Errorf("the job %s of project %s ended as %s: see its log in DSS", job, project, state), c.Receipt.Save(*r))
		}
		if !c.Clock.Now().Before(deadline) {
			return fmt.Errorf("the job %s of project %s has not ended within %s", job, project, trainTimeout)
		}
		if err := c.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, 15*time.Second)
	}
}

func (retrainer) Verify(context.Context, *providers.Call) error { return nil }

// Undo: DSS keeps the former versions of a model, which come back with the rest.
func (retrainer) Undo(context.Context, *providers.Call) error { return nil }
