package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// node is one DSS as its public API shows it.
type node struct {
	t        *testing.T
	dir      string
	key      string
	projects []string
	archive  []byte
	active   map[string]bool // scenarios of whatever is imported
	// during is called while an import is on its way, and may answer it.
	during func(w http.ResponseWriter) bool
	asked  []string
}

func newNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{t: t, dir: filepath.Join(t.TempDir(), name), key: "planted-key-" + name, active: map[string]bool{}}
	s := httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		"install.ini":      "[general]\nnodetype = design\n\n[server]\nport = " + port + "\n",
		"dss-version.json": `{"product_version":"14.4.1"}`,
		"bin/dss":          "#!/bin/sh\n",
	} {
		path = filepath.Join(n.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	if user, _, _ := r.BasicAuth(); user != n.key {
		n.t.Errorf("%s %s with the key %q", r.Method, r.URL.Path, user)
	}
	what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/public/api")
	n.asked = append(n.asked, what)
	switch {
	case what == "GET /projects/":
		all := []map[string]string{}
		for _, p := range n.projects {
			all = append(all, map[string]string{"projectKey": p})
		}
		_ = json.NewEncoder(w).Encode(all)
	case strings.HasSuffix(what, "/export"):
		_, _ = w.Write(n.archive)
	case what == "POST /projects/import/upload":
		f, _, err := r.FormFile("file")
		if err != nil {
			n.t.Error(err)
			return
		}
		if n.archive, err = io.ReadAll(f); err != nil {
			n.t.Error(err)
		}
		fmt.Fprint(w, `{"id":"u1"}`)
	case what == "POST /projects/import/u1/process":
		if n.during != nil && n.during(w) {
			return
		}
		n.projects = append(n.projects, "A")
		n.active["S"] = true
		fmt.Fprint(w, `{"success":true}`)
	case what == "GET /projects/A/scenarios/":
		fmt.Fprintf(w, `[{"id":"S","active":%t}]`, n.active["S"])
	case what == "GET /projects/A/scenarios/S/":
		fmt.Fprintf(w, `{"id":"S","active":%t}`, n.active["S"])
	case what == "PUT /projects/A/scenarios/S/":
		n.active["S"] = false
	case what == "DELETE /projects/A":
		n.projects = slices.DeleteFunc(n.projects, func(p string) bool { return p == "A" })
	default:
		w.WriteHeader(404)
		fmt.Fprint(w, `{"errorType":"NotFound","message":"no such thing"}`)
	}
}

func ref(name string) *secret.Text {
	t := secret.Ref(name)
	return &t
}

// keys resolves the two API keys.
type keys map[string]string

func (k keys) Secret(name string) (string, error) { return k[name], nil }

type memory struct{ raw []byte }

func (m *memory) Save(v any) (err error) { m.raw, err = json.Marshal(v); return err }
func (m *memory) Load(v any) (bool, error) {
	if m.raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(m.raw, v)
}

// journey brings project A from one node to the other.
type journey struct {
	t        *testing.T
	old, new *node
	b        bringer
	c        *providers.Call
	receipt  *memory
	recorded json.RawMessage
	notices  []string
}

func newJourney(t *testing.T) *journey {
	t.Helper()
	j := &journey{t: t, old: newNode(t, "old"), new: newNode(t, "new"), receipt: &memory{}, b: bringer{free: func(string) (int64, error) { return 1 << 40, nil }}}
	j.old.projects, j.old.archive = []string{"A"}, aZip(t, "")
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534
		for _, n := range []*node{j.old, j.new} {
			if err := os.Lchown(n.dir, uid, uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := dss.Open(j.new.dir, dss.Options{UID: func() int { return uid }, UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	args := projectArgs{
		Source: &source{Address: "instance.old", DataDir: j.old.dir, APIKey: ref("old")}, APIKey: ref("new"), Project: "A", Include: []string{"uploads"}, Last: true,
	}
	j.c = &providers.Call{
		Run: "run-1", Address: "instance.new", Instance: in, Secrets: keys{"old": j.old.key, "new": j.new.key}, Redactor: &secret.Redactor{},
		Action:   plan.Action{ID: `new["x"]/3`, Kind: KindProject, Args: encode(args)},
		Progress: func(event.Progress) {}, Notice: func(s string) { j.notices = append(j.notices, s) }, Receipt: j.receipt,
		Recorded: func(context.Context, string) (json.RawMessage, error) { return j.recorded, nil },
		Record:   func(_ string, v any) error { j.recorded = encode(v); return nil },
	}
	return j
}

func (j *journey) do() error {
	j.t.Helper()
	err := j.b.Do(j.t.Context(), j.c)
	if err == nil {
		err = j.b.Verify(j.t.Context(), j.c)
	}
	if err != nil && strings.Contains(err.Error(), "planted") {
		j.t.Errorf("a key is told: %v", err)
	}
	if _, serr := os.Stat(filepath.Join(j.new.dir+".dssctl", "projects")); serr == nil {
		j.t.Errorf("an archive is left, after %v", err)
	}
	return err
}

func (j *journey) undo(want ...string) {
	j.t.Helper()
	if err := j.b.Undo(j.t.Context(), j.c); err != nil {
		j.t.Errorf("undo: %v", err)
	}
	if !slices.Equal(j.new.projects, want) {
		j.t.Errorf("after the undo there are %q, want %q", j.new.projects, want)
	}
}

func TestBring(t *testing.T) {
	j := newJourney(t)
	if err := j.do(); err != nil {
		t.Fatal(err)
	}
	if string(j.new.archive) != string(j.old.archive) || j.new.active["S"] {
		t.Errorf("%d bytes of %d came, the scenario is active: %v", len(j.new.archive), len(j.old.archive), j.new.active["S"])
	}
	if want := `{"of":"instance.old","projects":["A"],"all":true}`; string(j.recorded) != want {
		t.Errorf("recorded %s, want %s", j.recorded, want)
	}
	if len(j.notices) != 1 || !strings.Contains(j.notices[0], "1 scenario is deactivated here") {
		t.Errorf("told %q", j.notices)
	}
	// Again, after a crash behind it: nothing is carried twice.
	j.new.asked = nil
	if err := j.do(); err != nil || slices.Contains(j.new.asked, "POST /projects/import/upload") {
		t.Errorf("%v, asked %q", err, j.new.asked)
	}
	j.undo()
	j.undo()
}

// What somebody else has there is never touched, whenever it came.
func TestBringOverNothing(t *testing.T) {
	for name, put := range map[string]func(*journey){
		"ahead": func(j *journey) { j.new.projects = []string{"A"} },
		"meanwhile": func(j *journey) {
			j.b.free = func(string) (int64, error) { j.new.projects = []string{"A"}; return 1 << 40, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJourney(t)
			put(j)
			if err := j.do(); err == nil || !strings.Contains(err.Error(), "nothing is overwritten") {
				t.Errorf("got %v", err)
			}
			j.undo("A")
		})
	}
}

// An import whose answer nobody heard is done anew; no answer is no success.
func TestBringUnheard(t *testing.T) {
	j := newJourney(t)
	j.new.during = func(w http.ResponseWriter) bool {
		j.new.projects = append(j.new.projects, "A")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(504)
		fmt.Fprint(w, "<html>time-out</html>")
		return true
	}
	if err := j.do(); err == nil || !strings.Contains(err.Error(), "its answer did not come") {
		t.Fatalf("got %v", err)
	}
	j.new.during = nil
	if err := j.do(); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(j.new.asked, "DELETE /projects/A") || len(j.notices) != 2 || !strings.Contains(j.notices[0], "deleted, and imported anew") {
		t.Errorf("asked %q, told %q", j.new.asked, j.notices)
	}
	j.undo()
}

func TestBringFails(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*journey)
		want   string
	}{
		"refused": {func(j *journey) {
			j.new.during = func(w http.ResponseWriter) bool {
				fmt.Fprint(w, `{"success":false,"messages":["no plugin geo"]}`)
				return true
			}
		}, `no plugin geo; see to what it names in instance.new and plan again, or leave the project out for now: except = ["A"]`},
		"no zip":     {func(j *journey) { j.old.archive = []byte("{}") }, "no zip archive"},
		"half a zip": {func(j *journey) { j.old.archive = j.old.archive[:len(j.old.archive)-5] }, "has no end"},
		"nothing":    {func(j *journey) { j.old.archive = nil }, "no zip archive"},
		"no room":    {func(j *journey) { j.b.free = func(string) (int64, error) { return keepFree, nil } }, "make room there"},
		"no room for DSS": {func(j *journey) {
			j.b.free = func(dir string) (int64, error) {
				if dir == j.new.dir {
					return keepFree, nil
				}
				return 1 << 40, nil
			}
		}, "the import of A needs about"},
		"not imported": {func(j *journey) {
			j.new.during = func(w http.ResponseWriter) bool { fmt.Fprint(w, `{"success":true}`); return true }
		}, "does not list it"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJourney(t)
			tt.change(j)
			if err := j.do(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if j.recorded != nil {
				t.Errorf("recorded %s", j.recorded)
			}
			j.undo()
		})
	}
}
