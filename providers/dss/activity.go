package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Activity is something that runs in DSS and that a stop would cut off.
type Activity struct {
	Kind    string    `json:"kind"` // job, task, notebook
	ID      string    `json:"id"`
	Project string    `json:"project,omitempty"`
	What    string    `json:"what,omitempty"` // DSS's name of it
	Since   time.Time `json:"since,omitzero"` // zero when not told
	// Unsure: DSS lists it and does not say whether it runs. It counts as running.
	Unsure bool `json:"unsure,omitempty"`
}

func (a Activity) String() string {
	var b strings.Builder
	b.WriteString(a.Kind)
	if a.What != "" {
		b.WriteString(" " + shorten(a.What))
	} else if a.ID != "" {
		b.WriteString(" " + a.ID)
	}
	if a.Project != "" {
		b.WriteString(" of project " + a.Project)
	}
	if !a.Since.IsZero() {
		b.WriteString(" since " + a.Since.Format("2006-01-02 15:04:05 MST"))
	}
	if a.Unsure {
		b.WriteString(" (DSS does not say whether it still runs)")
	}
	return b.String()
}

// ErrNotAbortable says that the public API has no call for ending it.
var ErrNotAbortable = errors.New("the public API cannot end it")

// Running lists what runs: tasks (scenarios among them), the jobs of each
// project, notebooks that are not idle; ordered by kind, project and begin. An
// API node runs nothing of the kind.
func (a *API) Running(ctx context.Context) ([]Activity, error) {
	if _, h, err := a.in.base(); err != nil {
		return nil, err
	} else if h.nodeType == "api" {
		return nil, nil
	}
	var mu sync.Mutex
	var out []Activity
	add := func(x Activity) {
		mu.Lock()
		out = append(out, x)
		mu.Unlock()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(apiParallel)
	projects, err := a.Projects(ctx)
	if err != nil {
		return nil, err
	}
	g.Go(func() error { return a.futures(ctx, add) })
	g.Go(func() error { return a.notebooks(ctx, add) })
	for _, key := range projects {
		g.Go(func() error { return a.jobs(ctx, key, add) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sort.Slice(out, func(i, j int) bool {
		x, y := out[i], out[j]
		switch {
		case x.Kind != y.Kind:
			return x.Kind < y.Kind
		case x.Project != y.Project:
			return x.Project < y.Project
		case !x.Since.Equal(y.Since):
			return x.Since.Before(y.Since)
		default:
			return x.ID < y.ID
		}
	})
	return out, nil
}

func (a *API) futures(ctx context.Context, add func(Activity)) error {
	type future struct {
		ID        word            `json:"jobId"`
		Alive     truth           `json:"alive"`
		HasResult truth           `json:"hasResult"`
		Start     json.RawMessage `json:"startTime"`
		Payload   json.RawMessage `json:"payload"`
	}
	return list(ctx, a, "/futures/?withScenarios=true&withNotScenarios=true&allUsers=true", func(f future) {
		if f.Alive.isFalse() || f.HasResult.isTrue() {
			return
		}
		x := Activity{Kind: "task", ID: string(f.ID), Since: millis(f.Start), Unsure: !f.Alive.told}
		x.What, x.Project = describe(f.Payload)
		add(x)
	})
}

// describe looks into a task's payload, whose shape is not documented.
func describe(raw json.RawMessage) (what, project string) {
	var p struct {
		DisplayName string `json:"displayName"`
		Action      string `json:"action"`
		Type        string `json:"type"`
		ProjectKey  string `json:"projectKey"`
		Targets     []struct {
			ProjectKey string `json:"projectKey"`
		} `json:"targets"`
	}
	if len(raw) == 0 || members(raw, &p) != nil {
		return "", ""
	}
	for _, s := range []string{p.DisplayName, p.Action, p.Type} {
		if s != "" {
			what = s
			break
		}
	}
	project = p.ProjectKey
	for _, t := range p.Targets {
		if project == "" {
			project = t.ProjectKey
		}
	}
	return what, project
}

func (a *API) jobs(ctx context.Context, project string, add func(Activity)) error {
	type job struct {
		Def struct {
			ID   word   `json:"id"`
			Name string `json:"name"`
		} `json:"def"`
		State  string          `json:"state"`
		Stable truth           `json:"stableState"`
		Start  json.RawMessage `json:"startTime"`
		Asked  json.RawMessage `json:"initiationTimestamp"`
	}
	err := list(ctx, a, "/projects/"+escape(project)+"/jobs/", func(j job) {
		if over(j.State, j.Stable) {
			return
		}
		x := Activity{
			Kind: "job", ID: string(j.Def.ID), Project: project, What: j.Def.Name, Since: millis(j.Start),
			Unsure: j.State == "" && !j.Stable.told,
		}
		if x.Since.IsZero() {
			x.Since = millis(j.Asked)
		}
		add(x)
	})
	if notFound(err) {
		return nil // the project was deleted meanwhile
	}
	return err
}

// over tells whether a job has ended. What is not understood counts as running.
func over(state string, stable truth) bool {
	if stable.told {
		return stable.yes
	}
	switch strings.ToUpper(state) {
	case "DONE", "FAILED", "ABORTED", "WARNING", "SUCCESS":
		return true
	default:
		return false
	}
}

func (a *API) notebooks(ctx context.Context, add func(Activity)) error {
	type notebook struct {
		Project  string `json:"projectKey"`
		Name     string `json:"name"`
		ID       word   `json:"id"`
		State    string `json:"kernelExecutionState"`
		Sessions []struct {
			State string          `json:"kernelExecutionState"`
			Start json.RawMessage `json:"sessionStartTime"`
		} `json:"activeSessions"`
	}
	err := list(ctx, a, "/admin/notebooks/", func(n notebook) {
		x := Activity{Kind: "notebook", ID: string(n.ID), Project: n.Project, What: n.Name, Unsure: n.State == ""}
		busy := !strings.EqualFold(n.State, "idle")
		if len(n.Sessions) > 0 {
			busy = false
			for _, s := range n.Sessions {
				if !strings.EqualFold(s.State, "idle") {
					x.Unsure = s.State == "" && (!busy || x.Unsure)
					busy, x.Since = true, millis(s.Start)
				}
			}
		}
		if busy {
			add(x)
		}
	})
	if notFound(err) {
		return nil // a node type without notebooks
	}
	return err
}

// millis reads a time in milliseconds since 1970; the zero time for anything
// else.
func millis(raw json.RawMessage) time.Time {
	var ms float64
	if len(raw) == 0 || json.Unmarshal(raw, &ms) != nil || ms <= 0 || ms > 1e15 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// Abort asks DSS to end an activity. It returns before that has ended. What is
// gone already is no error; the error is ErrNotAbortable for notebooks and for what
// DSS lists without an id.
func (a *API) Abort(ctx context.Context, x Activity) error {
	var err error
	switch {
	case x.ID == "":
		err = ErrNotAbortable // DSS did not say which
	case x.Kind == "task":
		err = a.call(ctx, http.MethodDelete, "/futures/"+escape(x.ID), nil)
	case x.Kind == "job":
		err = a.call(ctx, http.MethodPost, "/projects/"+escape(x.Project)+"/jobs/"+escape(x.ID)+"/abort", nil)
	default:
		err = ErrNotAbortable
	}
	if notFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("abort %s: %w", x, err)
	}
	return nil
}
