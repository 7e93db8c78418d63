package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const apiKey = "dkuaps-SecretKey0123456789"

// routes answers by "METHOD PATH" (with the query); what is not listed is 404.
func routes(t *testing.T, in *Instance, answers map[string]string) *atomic.Int32 {
	t.Helper()
	var n atomic.Int32
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if user, pass, ok := r.BasicAuth(); !ok || user != apiKey || pass != "" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		body, ok := answers[r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/public/api")]
		if !ok {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"errorType":"NotFound","message":"no such thing"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	})
	return &n
}

const futuresPath = "GET /futures/?withScenarios=true&withNotScenarios=true&allUsers=true"

func TestRunning(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	routes(t, in, map[string]string{
		futuresPath: `[
			{"jobId":"f1","alive":true,"hasResult":false,"startTime":1700000000000,"payload":{"displayName":"Scenario run","targets":[{"projectKey":"SALES"}]}},
			{"jobId":"f2","alive":false,"hasResult":true},
			{"jobId":"f3","alive":true,"hasResult":true},
			{"jobId":"f4","alive":true,"aborted":true,"payload":"odd","startTime":"odd","more":{}}]`,
		"GET /projects/":            `[{"projectKey":"SALES","name":"x"},{"projectKey":"A B"},{"projectKey":"GONE"}]`,
		"GET /projects/SALES/jobs/": `[{"def":{"id":"j1","name":"Build x"},"state":"RUNNING","startTime":1700000001000},{"def":{"id":"j2"},"state":"DONE"},{"def":{"id":"j3"},"state":"FAILED","stableState":true}]`,
		"GET /projects/A%20B/jobs/": `[{"def":{"id":"j4"},"state":"DONE","stableState":false,"initiationTimestamp":1700000002000},{"def":{"id":"j5"},"state":"NOT_STARTED"}]`,
		"GET /admin/notebooks/": `[{"projectKey":"SALES","name":"busy","activeSessions":[{"kernelExecutionState":"idle"},{"kernelExecutionState":"busy","sessionStartTime":1700000003000}]},
			{"projectKey":"SALES","name":"idle","activeSessions":[{"kernelExecutionState":"idle"}]},{"projectKey":"B","name":"plain"}]`,
	})
	got, err := in.API(apiKey).Running(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int64) time.Time { return time.Unix(1700000000+s, 0).UTC() }
	want := []Activity{
		{Kind: "job", ID: "j5", Project: "A B"},
		{Kind: "job", ID: "j4", Project: "A B", Since: at(2)},
		{Kind: "job", ID: "j1", Project: "SALES", What: "Build x", Since: at(1)},
		{Kind: "notebook", Project: "B", What: "plain", Unsure: true},
		{Kind: "notebook", Project: "SALES", What: "busy", Since: at(3)},
		{Kind: "task", ID: "f4"},
		{Kind: "task", ID: "f1", Project: "SALES", What: "Scenario run", Since: at(0)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := want[2].String(); s != `job "Build x" of project SALES since 2023-11-14 22:13:21 UTC` {
		t.Errorf("in words: %s", s)
	}
}

func TestRunningOnAnApiNode(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	write(t, in.Path("install.ini"), strings.Replace(sampleINI, "design", "api", 1), 0o600)
	if got, err := in.API(apiKey).Running(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// Many projects are asked a few at a time.
func TestRunningIsBounded(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	var now, most, asked atomic.Int32
	type project struct {
		Key string `json:"projectKey"`
	}
	var projects []project
	for i := range 100 {
		projects = append(projects, project{fmt.Sprintf("P%d", i)})
	}
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/public/api/projects/" {
			_ = json.NewEncoder(w).Encode(projects)
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		asked.Add(1)
		time.Sleep(time.Millisecond)
		fmt.Fprint(w, "[]")
	})
	if _, err := in.API(apiKey).Running(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 102 || most.Load() > apiParallel {
		t.Errorf("%d requests, %d at once", asked.Load(), most.Load())
	}
}

func TestAPIErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		typ     string
		body    string
		want    []string
		gateway bool
	}{
		"json":         {400, "application/json", `{"errorType":"X","message":"bad key ` + apiKey + `"}`, []string{"400", "bad key"}, false},
		"detailed":     {500, "application/json", `{"errorType":"X","message":"short","detailedMessage":"the long one"}`, []string{"the long one"}, false},
		"unauthorized": {401, "application/json", `{"message":"Unknown key"}`, []string{"401", "API key", "Unknown key"}, false},
		"forbidden":    {403, "application/json", `{"message":"admins only"}`, []string{"403", "administrator"}, false},
		"gateway":      {502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>", []string{"502", "not ready"}, true},
		"bare 503":     {503, "text/plain", "try later", []string{"503", "not ready"}, true},
		"html success": {200, "text/html; charset=utf-8", "<!DOCTYPE html><p>login</p>", []string{"not ready"}, true},
		"no json":      {200, "application/json", "hello " + apiKey, []string{"expected a JSON object, found text that is not JSON"}, false},
		"cut json":     {200, "application/json", `{"nodeType": "DES`, []string{"broken or cut off"}, false},
		"empty":        {500, "", "", []string{"500"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, newDataDir(t), nil)
			serve(t, in, false, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.typ)
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			})
			_, err := in.API(apiKey).Info(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range append(tc.want, "GET /instance-info") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
			if strings.Contains(err.Error(), apiKey) || strings.Contains(err.Error(), "<") {
				t.Errorf("not clean: %q", err)
			}
			var e *APIError
			if errors.As(err, &e) != (tc.status != 200 || tc.gateway) || e != nil && e.Gateway != tc.gateway {
				t.Errorf("got %#v", e)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	var styles []string
	serve(t, in, false, func(w http.ResponseWriter, r *http.Request) {
		style, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		styles = append(styles, style)
		if style != "Bearer" || rest != apiKey {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"message":"basic is not for me"}`)
			return
		}
		fmt.Fprint(w, `{"nodeType":"DESIGN","dssVersion":"14.4.1","nodeId":"n"}`)
	})
	api := in.API(apiKey)
	for range 2 {
		got, err := api.Info(t.Context())
		if err != nil || got.Version != "14.4.1" || got.NodeID != "n" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if diff := cmp.Diff([]string{"Basic", "Bearer", "Bearer"}, styles); diff != "" {
		t.Error(diff)
	}
}

func TestAbort(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	n := routes(t, in, map[string]string{"DELETE /futures/f%2F1": "", "POST /projects/A%20B/jobs/j1/abort": "{}"})
	api := in.API(apiKey)
	for _, a := range []Activity{{Kind: "task", ID: "f/1"}, {Kind: "job", ID: "j1", Project: "A B"}, {Kind: "task", ID: "gone"}} {
		if err := api.Abort(t.Context(), a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if err := api.Abort(t.Context(), Activity{Kind: "notebook", ID: "n"}); !errors.Is(err, ErrNotAbortable) {
		t.Errorf("notebook: %v", err)
	}
	if n.Load() != 3 {
		t.Errorf("%d requests", n.Load())
	}
}

func TestAPIUnreachable(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	write(t, in.Path("install.ini"), strings.Replace(sampleINI, "11200", "1", 1), 0o600)
	_, err := in.API(apiKey).Info(t.Context())
	if err == nil || strings.Contains(err.Error(), apiKey) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.API(apiKey).Running(ctx); err == nil {
		t.Error("no error from a canceled call")
	}
	if _, err := in.API("a\nb").Info(t.Context()); err == nil {
		t.Error("a key with a line break was sent")
	}
}
