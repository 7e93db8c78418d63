package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// buildTimeout bounds what DSS builds within one request.
const buildTimeout = 6 * time.Hour

// CodeEnv is a code environment.
type CodeEnv struct {
	Lang string `json:"envLang"`
	Name string `json:"envName"`
	// Mode is DESIGN_MANAGED, PLUGIN_MANAGED, EXTERNAL_CONDA_NAMED, …
	Mode string `json:"deploymentMode"`
}

func (e CodeEnv) String() string { return e.Lang + " " + e.Name }

// Managed reports whether DSS builds the environment; others are the
// administrator's.
func (e CodeEnv) Managed() bool {
	return !strings.Contains(e.Mode, "EXTERNAL") && !strings.Contains(e.Mode, "NON_MANAGED")
}

// CodeEnvs lists the code environments.
func (a *API) CodeEnvs(ctx context.Context) ([]CodeEnv, error) {
	var out []CodeEnv
	err := list(ctx, a, "/admin/code-envs/", func(e CodeEnv) { out = append(out, e) })
	return out, err
}

// RebuildCodeEnv has DSS build the environment anew, and waits for it.
func (a *API) RebuildCodeEnv(ctx context.Context, e CodeEnv) error {
	return a.build(ctx, "/admin/code-envs/"+escape(e.Lang)+"/"+escape(e.Name)+"/packages?forceRebuildEnv=true&wait=true")
}

// BuildCodeEnvImages has DSS build the environment's images, and waits for them.
func (a *API) BuildCodeEnvImages(ctx context.Context, e CodeEnv) error {
	return a.build(ctx, "/admin/code-envs/"+escape(e.Lang)+"/"+escape(e.Name)+"/images?wait=true")
}

// build sends a request whose answer says whether it went well.
func (a *API) build(ctx context.Context, path string) error {
	var said struct {
		Messages struct {
			Error    bool            `json:"error"`
			Messages json.RawMessage `json:"messages"`
		} `json:"messages"`
	}
	err := a.send(ctx, request{method: http.MethodPost, path: path, timeout: buildTimeout}, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&said)
	})
	if err != nil || !said.Messages.Error {
		return err
	}
	return errors.New(a.reasons(said.Messages.Messages))
}

// Projects lists the keys of all projects.
func (a *API) Projects(ctx context.Context) ([]string, error) {
	var out []string
	err := list(ctx, a, "/projects/", func(p struct {
		Key string `json:"projectKey"`
	},
	) {
		if p.Key != "" {
			out = append(out, p.Key)
		}
	})
	return out, err
}

// Thing is a saved model or an API service of a project.
type Thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// SavedModels lists a project's saved models.
func (a *API) SavedModels(ctx context.Context, project string) ([]Thing, error) {
	var out []Thing
	err := list(ctx, a, "/projects/"+escape(project)+"/savedmodels/", func(t Thing) { out = append(out, t) })
	return out, err
}

// APIServices lists a project's API services. One that knows no such list has
// none.
func (a *API) APIServices(ctx context.Context, project string) ([]Thing, error) {
	var out []Thing
	err := list(ctx, a, "/projects/"+escape(project)+"/apiservices/", func(t Thing) { out = append(out, t) })
	var e *APIError
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil, nil
	}
	return out, err
}

// Train starts the job that builds a saved model of the flow, which trains it
// again, and returns the job's id.
func (a *API) Train(ctx context.Context, project, model string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"type":    "NON_RECURSIVE_FORCED_BUILD",
		"outputs": []map[string]string{{"type": "SAVED_MODEL", "id": model, "projectKey": project}},
	})
	if err != nil {
		return "", err
	}
	var said struct {
		ID string `json:"id"`
	}
	r := request{method: http.MethodPost, path: "/projects/" + escape(project) + "/jobs/", body: body, timeout: apiTimeout}
	if err := a.send(ctx, r, func(r io.Reader) error { return json.NewDecoder(r).Decode(&said) }); err != nil {
		return "", err
	}
	if said.ID == "" {
		return "", errors.New("DSS started a job and did not say its id")
	}
	return said.ID, nil
}

// JobState is the state of a job: DONE, FAILED, ABORTED, or one on its way.
func (a *API) JobState(ctx context.Context, project, job string) (string, error) {
	var said struct {
		Base struct {
			State string `json:"state"`
		} `json:"baseStatus"`
	}
	err := a.call(ctx, http.MethodGet, "/projects/"+escape(project)+"/jobs/"+escape(job)+"/", func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&said)
	})
	if err == nil && said.Base.State == "" {
		err = fmt.Errorf("DSS does not say the state of the job %s of project %s", job, project)
	}
	return said.Base.State, err
}
