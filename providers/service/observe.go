package service

import (
	"context"
	"fmt"
	"time"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// Observation is what was seen of the service.
type Observation struct {
	Service dss.Service
	Unit    string
	// UnitProblem says why the boot unit could not be told; "" otherwise.
	UnitProblem string
	// Running is what runs in DSS; empty as well when it could not be asked.
	Running []dss.Activity
	// RunningProblem says why it could not be asked, though there is a key.
	RunningProblem string
	// SafetyBytes is the size of what a safety backup copies; 0 when counting
	// took too long.
	SafetyBytes int64
}

// How long an observation may take at the most; what is not known by then is
// left open.
const (
	askTimeout  = 15 * time.Second
	sizeTimeout = 5 * time.Second
)

// Headline implements providers.Headline.
func (o *Observation) Headline() string {
	switch n := len(o.Running); n {
	case 0:
		return ""
	case 1:
		return "1 activity runs"
	default:
		return fmt.Sprintf("%d activities run", n)
	}
}

// Observe implements providers.Provider.
func (*Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	a := declared(req.Desired)
	inst := req.Instance.WithUnit(a.Unit)
	o := &Observation{Service: req.Facts.Service}
	var err error
	if o.Unit, err = inst.Unit(ctx); err != nil {
		o.UnitProblem = err.Error()
	}
	if a.APIKey != nil && o.Service == dss.ServiceRunning {
		if o.Running, err = running(ctx, inst, a.APIKey, req.Secrets); err != nil {
			o.RunningProblem = err.Error()
		}
	}
	o.SafetyBytes = safetySize(ctx, inst)
	return o, context.Cause(ctx)
}

func running(ctx context.Context, inst *dss.Instance, key *secret.Text, secrets secret.Resolver) ([]dss.Activity, error) {
	value, err := key.Reveal(secrets)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return inst.API(value).Running(ctx)
}

func safetySize(ctx context.Context, inst *dss.Instance) int64 {
	ctx, cancel := context.WithTimeout(ctx, sizeTimeout)
	defer cancel()
	var sum int64
	for _, rel := range dss.ProtectedDirs() {
		n, _, err := inst.Size(ctx, rel)
		if err != nil {
			return 0
		}
		sum += n
	}
	return sum
}
