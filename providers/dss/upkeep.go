package dss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// buildTimeout bounds what DSS builds within one request.
const buildTimeout = 6 * time.Hour

// CodeEnv is a code environment.
type CodeEnv struct {
	Lang, Name string
	// Mode is DESIGN_MANAGED, PLUGIN_MANAGED, EXTERNAL_CONDA_NAMED, …; "" where
	// DSS does not say it.
	Mode string
}

func (e CodeEnv) String() string { return e.Lang + " " + e.Name }

// Managed reports whether DSS builds the environment; others are the
// administrator's.
func (e CodeEnv) Managed() bool {
	return e.Mode != "" && !strings.Contains(e.Mode, "EXTERNAL") && !strings.Contains(e.Mode, "NON_MANAGED")
}

// CodeEnvs lists the code environments.
func (a *API) CodeEnvs(ctx context.Context) ([]CodeEnv, error) {
	const path = "/admin/code-envs/"
	var out []CodeEnv
	nameless := false
	err := list(ctx, a, path, func(e struct {
		Lang string `json:"envLang"`
		Name string `json:"envName"`
		Mode string `json:"deploymentMode"`
	},
	) {
		nameless = nameless || e.Lang == "" || e.Name == ""
		out = append(out, CodeEnv{Lang: e.Lang, Name: e.Name, Mode: e.Mode})
	})
	if err == nil && nameless {
		err = a.lacking(path, "envLang and envName")
	}
	return out, err
}

// CodeEnvMode asks for the mode of an environment whose list has none; "" where it is
// not told there either.
func (a *API) CodeEnvMode(ctx context.Context, e CodeEnv) (string, error) {
	var said struct {
		Mode string `json:"deploymentMode"`
	}
	err := a.get(ctx, "/admin/code-envs/"+escape(e.Lang)+"/"+escape(e.Name), &said)
	if notFound(err) {
		err = nil
	}
	return said.Mode, err
}

// RebuildCodeEnv has DSS build the environment anew, and waits for it.
func (a *API) RebuildCodeEnv(ctx context.Context, e CodeEnv) error {
	return a.build(ctx, "/admin/code-envs/"+escape(e.Lang)+"/"+escape(e.Name)+"/packages?forceRebuildEnv=true&wait=true")
}

// BuildCodeEnvImages has DSS build the environment's images, and waits for them.
func (a *API) BuildCodeEnvImages(ctx context.Context, e CodeEnv) error {
	return a.build(ctx, "/admin/code-envs/"+escape(e.Lang)+"/"+escape(e.Name)+"/images?wait=true")
}

// build sends a request whose answer says whether it went well. HTTP's success is
// one where the answer does not say otherwise.
func (a *API) build(ctx context.Context, path string) error {
	var said outcome
	err := a.object(ctx, request{method: http.MethodPost, path: path, timeout: buildTimeout}, &said)
	if err != nil || !said.failed() {
		return err
	}
	return errors.New(said.reasons(a))
}

// Projects lists the keys of all projects. Each has one: a list that leaves one out
// would be taken for one without that project.
func (a *API) Projects(ctx context.Context) ([]string, error) {
	const path = "/projects/"
	var out []string
	nameless := false
	err := list(ctx, a, path, func(p struct {
		Key string `json:"projectKey"`
	},
	) {
		if nameless = nameless || p.Key == ""; p.Key != "" {
			out = append(out, p.Key)
		}
	})
	if err == nil && nameless {
		err = a.lacking(path, "projectKey")
	}
	return out, err
}

// Thing is a saved model or an API service of a project.
type Thing struct{ ID, Name string }

// SavedModels lists a project's saved models.
func (a *API) SavedModels(ctx context.Context, project string) ([]Thing, error) {
	return a.things(ctx, "/projects/"+escape(project)+"/savedmodels/")
}

// APIServices lists a project's API services. One that knows no such list has
// none.
func (a *API) APIServices(ctx context.Context, project string) ([]Thing, error) {
	out, err := a.things(ctx, "/projects/"+escape(project)+"/apiservices/")
	if notFound(err) {
		return nil, nil
	}
	return out, err
}

// things lists what is only named to people.
func (a *API) things(ctx context.Context, path string) ([]Thing, error) {
	var out []Thing
	nameless := false
	err := pages(ctx, a, path, func(t struct {
		ID   word `json:"id"`
		Name word `json:"name"`
	},
	) {
		nameless = nameless || t.ID == "" && t.Name == ""
		out = append(out, Thing{ID: string(cmp.Or(t.ID, t.Name)), Name: string(t.Name)})
	})
	if err == nil && nameless {
		err = a.lacking(path, "id or name")
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
		ID word `json:"id"`
	}
	r := request{method: http.MethodPost, path: "/projects/" + escape(project) + "/jobs/", body: body, timeout: apiTimeout}
	if err := a.object(ctx, r, &said); err != nil {
		return "", err
	}
	if said.ID == "" {
		return "", fmt.Errorf("DSS started a job in project %s and did not say its id: look there for how the training of %s goes on", project, model)
	}
	return string(said.ID), nil
}

// JobState is the state of a job: DONE, FAILED, ABORTED, or one on its way. Where the
// job's own answer does not say it, the list of jobs may.
func (a *API) JobState(ctx context.Context, project, job string) (string, error) {
	var said struct {
		Base struct {
			State string `json:"state"`
		} `json:"baseStatus"`
	}
	jobs := "/projects/" + escape(project) + "/jobs/"
	if err := a.get(ctx, jobs+escape(job)+"/", &said); err != nil || said.Base.State != "" {
		return said.Base.State, err
	}
	state := ""
	err := list(ctx, a, jobs, func(j struct {
		Def struct {
			ID word `json:"id"`
		} `json:"def"`
		State string `json:"state"`
	},
	) {
		if string(j.Def.ID) == job {
			state = j.State
		}
	})
	if err == nil && state == "" {
		err = fmt.Errorf("DSS does not say the state of the job %s of project %s, neither by itself nor in the list of jobs", job, project)
	}
	return state, err
}
