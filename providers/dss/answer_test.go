package dss

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answering serves the same body to every question.
func answering(t *testing.T, typ, body string) *API {
	t.Helper()
	in := open(t, newDataDir(t), nil)
	serve(t, in, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typ)
		fmt.Fprint(w, body)
	})
	return in.API(apiKey)
}

// questions are all calls that read an answer, by what they expect.
func questions(t *testing.T, a *API) (objects, strict, loose map[string]func() error) {
	t.Helper()
	ctx := t.Context()
	objects = map[string]func() error{
		"GET /instance-info":                    func() error { _, err := a.Info(ctx); return err },
		"POST /projects/A/jobs/":                func() error { _, err := a.Train(ctx, "A", "m"); return err },
		"GET /projects/A/jobs/j/":               func() error { _, err := a.JobState(ctx, "A", "j"); return err },
		"POST /projects/import/upload":          func() error { _, err := a.Upload(ctx, strings.NewReader("x"), 1, func(int64) {}); return err },
		"POST /projects/import/i/process":       func() error { return a.Import(ctx, "i", "A") },
		"GET /projects/A/scenarios/s/":          func() error { return a.Deactivate(ctx, "A", "s") },
		"GET /admin/connections/":               func() error { _, err := a.Connections(ctx); return err },
		"POST /admin/code-envs/PYTHON/e/images": func() error { return a.BuildCodeEnvImages(ctx, CodeEnv{Lang: "PYTHON", Name: "e"}) },
		"GET /admin/code-envs/PYTHON/e":         func() error { _, err := a.CodeEnvMode(ctx, CodeEnv{Lang: "PYTHON", Name: "e"}); return err },
	}
	strict = map[string]func() error{
		"GET /projects/":             func() error { _, err := a.Running(ctx); return err },
		"GET /futures/":              func() error { return a.futures(ctx, func(Activity) {}) },
		"GET /projects/A/jobs/":      func() error { return a.jobs(ctx, "A", func(Activity) {}) },
		"GET /admin/notebooks/":      func() error { return a.notebooks(ctx, func(Activity) {}) },
		"GET /projects/A/scenarios/": func() error { _, err := a.ActiveScenarios(ctx, "A"); return err },
		"GET /admin/code-envs/":      func() error { _, err := a.CodeEnvs(ctx); return err },
	}
	loose = map[string]func() error{
		"GET /projects/A/savedmodels/": func() error { _, err := a.SavedModels(ctx, "A"); return err },
		"GET /projects/A/apiservices/": func() error { _, err := a.APIServices(ctx, "A"); return err },
		"GET /plugins/":                func() error { _, err := a.Plugins(ctx); return err },
	}
	return objects, strict, loose
}

// An answer of another shape names the call, what was expected and what came,
// whichever call it is, and never its content.
func TestAnswersOfAnotherShape(t *testing.T) {
	const json, page = "application/json", `{"items":[{"id":"x","name":"SECRET"}],"total":70}`
	for _, tt := range []struct {
		typ, body               string
		object, strict, isLoose string // what is found; "" where the shape is the expected one
	}{
		{json, "", "an empty answer", "an empty answer", "an empty answer"},
		{json, " \n", "an empty answer", "an empty answer", "an empty answer"},
		{json, `[{"id":"x","secret":"SECRET"}]`, "a JSON array", "", ""},
		{json, `[["SECRET"]]`, "a JSON array", "a JSON array with a JSON array in it", "a JSON array with a JSON array in it"},
		{json, `["SECRET"]`, "a JSON array", "a JSON array with a JSON string in it", "a JSON array with a JSON string in it"},
		{json, `[null]`, "a JSON array", "a JSON array with JSON null in it", "a JSON array with JSON null in it"},
		{json, page, "", `a JSON object with "items, total"`, ""},
		{json, `{"a":[],"b":[]}`, "", `a JSON object with "a, b"`, `a JSON object with "a, b"`},
		{json, `{}`, "", "a JSON object", "a JSON object"},
		{json, `"SECRET"`, "a JSON string", "a JSON string", "a JSON string"},
		{json, `42`, "a JSON number", "a JSON number", "a JSON number"},
		{json, `null`, "JSON null", "JSON null", "JSON null"},
		{json, `{"a": "SECRET`, "JSON that is broken or cut off", "JSON that is broken or cut off", "JSON that is broken or cut off"},
		{json, "<!DOCTYPE html><p>SECRET", "a web page", "a web page", "a web page"},
		{"text/plain", "hello " + apiKey, "text that is not JSON", "text that is not JSON", "text that is not JSON"},
	} {
		objects, strict, loose := questions(t, answering(t, tt.typ, tt.body))
		for _, group := range []struct {
			asks            map[string]func() error
			expected, found string
		}{
			{objects, "expected a JSON object", tt.object},
			{strict, "expected a JSON array of objects", tt.strict},
			{loose, "expected a JSON array of objects", tt.isLoose},
		} {
			for call, ask := range group.asks {
				err := ask()
				var shape *AnswerError
				if group.found == "" {
					if errors.As(err, &shape) && shape.Found != "an object without it" && shape.Path == strings.Fields(call)[1] {
						t.Errorf("%s: %q: %v", call, tt.body, err)
					}
					continue
				}
				if !errors.As(err, &shape) {
					t.Errorf("%s: %q: %v", call, tt.body, err)
					continue
				}
				for _, want := range []string{call, group.expected, "found " + group.found} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %q: %q is not in %q", call, tt.body, want, err)
					}
				}
				for _, not := range []string{"SECRET", apiKey, "struct", "Go value", "unmarshal"} {
					if strings.Contains(err.Error(), not) {
						t.Errorf("%s: %q: %q is in %q", call, tt.body, not, err)
					}
				}
			}
		}
	}
}

// A web page that says it is one comes from the web server before DSS.
func TestAnswerIsAWebPage(t *testing.T) {
	objects, strict, loose := questions(t, answering(t, "text/html", "<html>log in</html>"))
	for _, asks := range []map[string]func() error{objects, strict, loose} {
		for call, ask := range asks {
			var e *APIError
			if err := ask(); !errors.As(err, &e) || !e.Gateway || !strings.Contains(err.Error(), call) {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
}

// A list that says nothing of what makes it useful is not one of nothing.
func TestListsThatLackAMember(t *testing.T) {
	_, strict, loose := questions(t, answering(t, "application/json", `[{"more":1}]`))
	for call, member := range map[string]string{
		"GET /projects/": "projectKey", "GET /projects/A/scenarios/": "id", "GET /admin/code-envs/": "envLang and envName",
		"GET /projects/A/savedmodels/": "id or name", "GET /plugins/": "id",
	} {
		ask := strict[call]
		if ask == nil {
			ask = loose[call]
		}
		want := call + " of DSS's public API: expected a JSON array of objects with " + member + ", found an object without it"
		if err := ask(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPageAroundAList(t *testing.T) {
	a := answering(t, "application/json", `{"total":2,"items":[{"id":"m1","name":"Leavers"},{"name":"only"}],"next":null}`)
	models, err := a.SavedModels(t.Context(), "A")
	if diff := cmp.Diff([]Thing{{"m1", "Leavers"}, {"only", "only"}}, models); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// The version comes from whoever tells it, the call's own answer first.
func TestInfoVersion(t *testing.T) {
	const config = `{"version":{"product_version":"14.4.3"}}`
	for name, tt := range map[string]struct {
		info, header, config string // info "" is 404
		want                 string
	}{
		"member":            {`{"dssVersion":"14.4.1"}`, "14.4.2", config, "14.4.1"},
		"header":            {`{"nodeType":"DESIGN"}`, "14.4.2", config, "14.4.2"},
		"null member":       {`{"dssVersion":null}`, "14.4.2", config, "14.4.2"},
		"odd member":        {`{"dssVersion":{"a":1},"nodeId":"n"}`, "14.4.2", config, "14.4.2"},
		"member no version": {`{"dssVersion":"unknown"}`, "14.4.2", config, "14.4.2"},
		"configuration":     {`{}`, "", config, "14.4.3"},
		"odd header":        {`{}`, "yes", config, "14.4.3"},
		"no such call":      {"", "14.4.2", config, "14.4.2"},
		"nobody":            {`{}`, "", `{"version":"DSS"}`, ""},
		"nobody at all":     {"", "", "[]", ""},
		"no configuration":  {`{}`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, newDataDir(t), nil)
			serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
				body := tt.config
				if r.URL.Path == "/public/api/instance-info" {
					if body = tt.info; tt.header != "" {
						w.Header().Set("DSS-Version", tt.header)
					}
				}
				w.Header().Set("Content-Type", "application/json")
				if body == "" {
					w.WriteHeader(404)
					body = `{"errorType":"NotFound","message":"no such thing"}`
				}
				fmt.Fprint(w, body)
			})
			got, err := in.API(apiKey).Info(t.Context())
			if err != nil || got.Version != tt.want {
				t.Errorf("got %+v, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Silence about whether something runs is no "no": a stop would cut it off.
func TestRunningUntold(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	routes(t, in, map[string]string{
		futuresPath: `[{"jobId":"silent"},{"jobId":7,"alive":null},{"jobId":"words","alive":"true"},{"jobId":"odd","alive":{},"hasResult":{}},
			{"alive":true},{"jobId":"over","hasResult":true},{"jobId":"dead","alive":false},{"jobId":"dead words","alive":"false"}]`,
		"GET /projects/":        `[{"projectKey":"A"}]`,
		"GET /projects/A/jobs/": `[{"def":{"id":"silent"}},{"def":"odd","state":"RUNNING"},{"def":{"id":"done"},"state":"DONE"},{"def":{"id":"odd"},"state":5,"stableState":"?"}]`,
		"GET /admin/notebooks/": `[{"name":"silent"},{"name":"session","activeSessions":[{"x":1}]},{"name":"odd","kernelExecutionState":"idle","activeSessions":"?"},
			{"name":"busy","activeSessions":[{},{"kernelExecutionState":"busy"}]}]`,
	})
	api := in.API(apiKey)
	got, err := api.Running(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, a := range got {
		said = append(said, a.String())
	}
	const unsure = " (DSS does not say whether it still runs)"
	want := []string{
		"job of project A", `job odd of project A` + unsure, `job silent of project A` + unsure,
		`notebook "silent"` + unsure, `notebook "session"` + unsure, `notebook "busy"`,
		"task", "task 7" + unsure, "task odd" + unsure, "task silent" + unsure, "task words",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	// What has no id is not asked for: the call would mean something else.
	for _, kind := range []string{"task", "job"} {
		if err := api.Abort(t.Context(), Activity{Kind: kind, Project: "A"}); !errors.Is(err, ErrNotAbortable) {
			t.Errorf("%s without id: %v", kind, err)
		}
	}
}

func TestBuildOutcome(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "", `{"messages":{}}`: "", `{"messages":[]}`: "", `{"messages":"fine"}`: "", `{"success":true}`: "",
		`{"messages":{"error":false,"messages":[{"severity":"ERROR","message":"old"}]}}`:          "",
		`{"messages":{"error":true,"messages":[{"message":"pip"}]}}`:                              "pip",
		`{"messages":{"messages":[{"severity":"WARNING"},{"severity":"ERROR","message":"pip"}]}}`: "pip",
		`{"messages":[{"severity":"FATAL","message":"pip"}]}`:                                     "pip",
		`{"success":false,"message":"pip"}`:                                                       "pip",
	} {
		err := answering(t, "application/json", body).RebuildCodeEnv(t.Context(), CodeEnv{Lang: "PYTHON", Name: "e"})
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// An import that says neither success nor failure is looked up.
func TestImportUntold(t *testing.T) {
	for answer, there := range map[string]map[string]bool{
		`{}`:                          {`[{"projectKey":"A"}]`: true, `[{"projectKey":"B"}]`: false, `[{}]`: false, `{"items":[]}`: false},
		`{"success":"true"}`:          {`[]`: true},
		`{"messages":{"error":true}}`: {`[{"projectKey":"A"}]`: false},
	} {
		for projects, good := range there {
			in := open(t, newDataDir(t), nil)
			routes(t, in, map[string]string{"POST /projects/import/i/process": answer, "GET /projects/": projects})
			if err := in.API(apiKey).Import(t.Context(), "i", "A"); (err == nil) != good {
				t.Errorf("%s with the projects %s: %v", answer, projects, err)
			}
		}
	}
}

// The list of jobs knows a state that the job's own answer does not have.
func TestJobStateUntold(t *testing.T) {
	for jobs, want := range map[string]string{
		`[{"def":{"id":"other"},"state":"FAILED"},{"def":{"id":"j"},"state":"DONE"}]`: "DONE",
		`[{"def":{"id":"other"},"state":"DONE"},{"def":{"id":"j"}}]`:                  "",
		`[]`: "",
	} {
		in := open(t, newDataDir(t), nil)
		routes(t, in, map[string]string{"GET /projects/A/jobs/j/": `{"baseStatus":{}}`, "GET /projects/A/jobs/": jobs})
		got, err := in.API(apiKey).JobState(t.Context(), "A", "j")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", jobs, got, err)
		}
	}
}
