package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gitlab is a stand-in for the notes of a merge request. It holds the parts of
// GitLab's API that the script uses to their documented form.
type gitlab struct {
	t     *testing.T
	notes []note
	calls []string
}

type note struct {
	ID   int    `json:"id"`
	Body string `json:"body"`
}

const notesPath = "/api/v4/projects/7/merge_requests/17/notes"

func (g *gitlab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("PRIVATE-TOKEN") != "planted-gitlab-token" {
		http.Error(w, `{"message":"401 Unauthorized"}`, http.StatusUnauthorized)
		return
	}
	g.calls = append(g.calls, r.Method)
	id := 0
	switch {
	case r.Method == http.MethodGet && r.URL.Path == notesPath:
		if err := json.NewEncoder(w).Encode(g.notes); err != nil {
			g.t.Error(err)
		}
		return
	case r.Method == http.MethodPost && r.URL.Path == notesPath:
		g.notes = append([]note{{100 + len(g.notes), r.PostFormValue("body")}}, g.notes...)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut:
		if _, err := fmt.Sscanf(strings.TrimPrefix(r.URL.Path, notesPath+"/"), "%d", &id); err != nil {
			g.t.Errorf("PUT %s", r.URL)
		}
		for i := range g.notes {
			if g.notes[i].ID == id {
				g.notes[i].Body = r.PostFormValue("body")
			}
		}
	default:
		g.t.Errorf("%s %s", r.Method, r.URL)
	}
	fmt.Fprint(w, "{}")
}

// The first plan is a new note, the next one replaces it, and nobody else's note
// is touched.
func TestGitLabComment(t *testing.T) {
	g := &gitlab{t: t, notes: []note{{5, "<p>a word of somebody, about <!-- dssctl --></p>"}}}
	srv := httptest.NewServer(g)
	defer srv.Close()
	script, err := filepath.Abs("../../examples/ci/scripts/gitlab-comment.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(token, text string) (string, error) {
		write(t, dir, "plan.md", text)
		cmd := exec.Command(script, filepath.Join(dir, "plan.md"))
		cmd.Env = append(os.Environ(), "CI_API_V4_URL="+srv.URL+"/api/v4", "CI_PROJECT_ID=7", "CI_MERGE_REQUEST_IID=17", "GITLAB_TOKEN="+token, "no_proxy=*")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	for _, text := range []string{"<!-- dssctl -->\nfirst & \"one\" + ä\n", "<!-- dssctl -->\nsecond\n"} {
		if out, err := run("planted-gitlab-token", text); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if len(g.notes) != 2 || g.notes[0].Body != text || g.notes[1].ID != 5 || !strings.Contains(g.notes[1].Body, "somebody") {
			t.Errorf("the notes are %v", g.notes)
		}
	}
	if got := strings.Join(g.calls, " "); got != "GET POST GET PUT" {
		t.Errorf("the calls are %s", got)
	}
	if out, err := run("planted-wrong-token", "<!-- dssctl -->\nx"); err == nil || strings.Contains(out, "planted-wrong-token") {
		t.Errorf("a refused token: %v\n%s", err, out)
	}
}
