package service

import (
	"encoding/json"
	"strings"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// What a stop and a start take as a rule, in seconds: users see 50 to 75 s
// until DSS is ready.
const (
	stopSeconds  = 20
	startSeconds = 75
)

// copyRate is the throughput that a first safety backup is reckoned with, in
// bytes a second.
const copyRate = 150e6

const unseenWarning = "running jobs, scenarios and notebooks are not seen without api_key: DSS is stopped whatever runs"

// Open implements providers.Frame.
func (*Provider) Open(req providers.Request, kinds []plan.Kind) []plan.Action {
	if keepsItself(kinds) {
		return []plan.Action{stopAction(req)}
	}
	return []plan.Action{stopAction(req), backupAction(req, kinds)}
}

// keepsItself reports whether all that a window does is to make a backup, which
// changes nothing, or to restore one, which keeps what it replaces.
func keepsItself(kinds []plan.Kind) bool {
	for _, k := range kinds {
		if !strings.HasPrefix(string(k), "backup.") {
			return false
		}
	}
	return len(kinds) > 0
}

func stopAction(req providers.Request) plan.Action {
	a := declared(req.Desired)
	out := plan.Action{
		Kind: KindStop, Phase: plan.Stop, Title: "check that nothing runs, stop DSS", Danger: plan.Downtime,
		Undo: plan.Undo{Possible: true, How: "start DSS again"},
		Cost: plan.Cost{Seconds: stopSeconds},
	}
	switch {
	case req.Facts.Service == dss.ServiceStopped:
		out.Title, out.Danger = "make sure that DSS is stopped", plan.NoDanger
		out.Undo.How = "as it was found: stopped"
		out.Cost.Seconds = 1
	case req.Facts.NodeType == "api":
		// An API node has no jobs to look for.
		out.Title = "stop DSS"
	case a.APIKey == nil:
		out.Title = "stop DSS (running jobs are not seen without api_key)"
		a.Warning = unseenWarning
	}
	out.Args = encode(a)
	return out
}

func backupAction(req providers.Request, kinds []plan.Kind) plan.Action {
	out := plan.Action{
		Kind: KindBackup, Phase: plan.Protect, Title: "safety backup of config and databases",
		Args: encode(backupArgs{Kinds: kinds}),
		Undo: plan.Undo{Possible: true, How: "nothing to undo, the copy is kept"},
	}
	if o, ok := req.Observed.(*Observation); ok && o.SafetyBytes > 0 {
		rate := req.Throughput[string(KindBackup)]
		if rate <= 0 {
			rate = copyRate
		}
		out.Cost = plan.Cost{Bytes: o.SafetyBytes, Seconds: 1 + float64(o.SafetyBytes)/rate}
	}
	return out
}

// Close implements providers.Frame.
func (*Provider) Close(req providers.Request, proof bool) []plan.Action {
	out := plan.Action{
		Kind: KindStart, Phase: plan.Start, Title: "start DSS, wait until ready",
		Args: encode(declared(req.Desired)),
		Undo: plan.Undo{Possible: true, How: "stop DSS again"},
		Cost: plan.Cost{Seconds: startSeconds},
	}
	if req.Facts.Service == dss.ServiceStopped {
		if !proof {
			return nil
		}
		out.Title = "start DSS, found stopped, to prove the change; wait until ready"
	}
	return []plan.Action{out}
}

// First implements providers.Frame. The API key is not asked with: a fresh
// instance does not know it yet.
func (*Provider) First(req providers.Request) []plan.Action {
	a := declared(req.Desired)
	a.APIKey = nil
	return []plan.Action{firstStart(a)}
}

func firstStart(a args) plan.Action {
	return plan.Action{
		Kind: KindStart, Phase: plan.Start, Title: "start DSS for the first time, wait until ready",
		Args: encode(a),
		Undo: plan.Undo{Possible: true, How: "stop DSS again"},
		Cost: plan.Cost{Seconds: startSeconds},
	}
}

// StartNew returns the action that starts an instance which the run has made.
func StartNew(in *config.Instance) []plan.Action {
	return []plan.Action{firstStart(declaredNew(in))}
}

// declaredNew is declared for an instance elsewhere: the boot unit and the API
// key are the original's.
func declaredNew(in *config.Instance) args {
	a := declared(in)
	a.Unit, a.APIKey = dss.NoUnit, nil
	return a
}

// encode writes arguments, which are plain data.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("service: arguments that are no JSON: " + err.Error())
	}
	return b
}
