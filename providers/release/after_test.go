package release

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

const upkeepKey = "key-that-nobody-may-see"

// upgraded serves a public API and returns what is done behind an upgrade's
// window, by kind. An answer of "" is an error of DSS's.
func (w *world) upgraded(more string, answers map[string]string) (calls map[plan.Kind]*providers.Call, asked *[]string) {
	w.t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/public/api")
		*asked = append(*asked, what)
		rw.Header().Set("Content-Type", "application/json")
		switch body, ok := answers[what]; {
		case !ok:
			rw.WriteHeader(http.StatusNotFound)
			fmt.Fprint(rw, `{"errorType":"NotFound","message":"no such thing"}`)
		case body == "":
			rw.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(rw, `{"errorType":"Internal","message":"%s cannot be done"}`, r.URL.Path)
		default:
			fmt.Fprint(rw, body)
		}
	}))
	w.t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.kit("14.4.1", "")
	w.write("data/install.ini", "[general]\nnodetype = design\n\n[server]\nport = "+port+"\n", 0o644)
	w.declare("api_key = \"" + upkeepKey + "\"\nrelease {\n version = \"14.4.1\"\n rehearse = false\n" + more + "\n}")
	calls = map[plan.Kind]*providers.Call{}
	for _, c := range w.calls(w.mustPropose()) {
		calls[c.Action.Kind] = c
	}
	return calls, asked
}

const (
	fine   = `{"messages":{"error":false,"messages":[]}}`
	broken = `{"messages":{"error":true,"messages":[{"severity":"ERROR","title":"pip failed","message":"no matching distribution"}]}}`
)

// A code environment that fails keeps none of the others back, and gets no
// image; a resumed run builds what is left and nothing twice.
func TestRebuildFails(t *testing.T) {
	w := newWorld(t)
	answers := map[string]string{
		"GET /admin/code-envs/": `[{"envLang":"PYTHON","envName":"a","deploymentMode":"DESIGN_MANAGED"},{"envLang":"PYTHON","envName":"b","deploymentMode":"DESIGN_MANAGED"},` +
			`{"envLang":"R","envName":"c","deploymentMode":"DESIGN_MANAGED"},{"envLang":"PYTHON","envName":"own","deploymentMode":"EXTERNAL_CONDA_NAMED"}]`,
		"POST /admin/code-envs/PYTHON/a/packages": broken,
		"POST /admin/code-envs/PYTHON/a/images":   fine,
		"POST /admin/code-envs/PYTHON/b/packages": fine,
		"POST /admin/code-envs/PYTHON/b/images":   "",
		"POST /admin/code-envs/R/c/packages":      fine,
		"POST /admin/code-envs/R/c/images":        fine,
	}
	calls, asked := w.upgraded("rebuild_code_envs = true\nrebuild_code_env_images = true", answers)
	c := calls[KindCodeEnvs]
	err := w.do(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"2 of 3 code environments could not be built", "PYTHON a: pip failed no matching distribution", "PYTHON b images", "DSS runs", "dssctl recover -resume",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), upkeepKey) {
		t.Errorf("the key is said: %v", err)
	}
	if slices.Contains(*asked, "POST /admin/code-envs/PYTHON/a/images") {
		t.Error("an image was built of an environment that was not")
	}
	answers["POST /admin/code-envs/PYTHON/a/packages"], answers["POST /admin/code-envs/PYTHON/b/images"] = fine, fine
	*asked = nil
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"GET /admin/code-envs/", "POST /admin/code-envs/PYTHON/a/packages", "POST /admin/code-envs/PYTHON/a/images", "POST /admin/code-envs/PYTHON/b/images",
	}; !slices.Equal(*asked, want) {
		t.Errorf("asked %q, want %q", *asked, want)
	}
}

// A model whose job fails, and one that cannot be started, keep no other back; a
// resumed run trains these again, and waits for a job that is on its way.
func TestRetrainFails(t *testing.T) {
	w := newWorld(t)
	answers := map[string]string{
		"POST /projects/P/jobs/":    `{"id":"j1"}`,
		"GET /projects/P/jobs/j1/":  `{"baseStatus":{"state":"FAILED"}}`,
		"POST /projects/Q/jobs/":    "",
		"POST /projects/S/jobs/":    `{"id":"j3"}`,
		"GET /projects/S/jobs/j3/":  `{"baseStatus":{"state":"DONE"}}`,
		"GET /projects/P/jobs/j10/": `{"baseStatus":{"state":"DONE"}}`,
	}
	calls, asked := w.upgraded(`retrain = ["P.m", "Q.m", "S.m"]`, answers)
	c := calls[KindRetrain]
	err := w.do(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"2 of 3 models could not be trained", "P.m: the job j1 of project P ended as FAILED: see its log in DSS", "Q.m: ", "DSS runs", "dssctl recover -resume",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	answers["POST /projects/P/jobs/"] = `{"id":"j10"}`
	answers["POST /projects/Q/jobs/"], answers["GET /projects/Q/jobs/j2/"] = `{"id":"j2"}`, ""
	*asked = nil
	if err := w.do(c); err == nil || !strings.Contains(err.Error(), "1 of 3 models") {
		t.Fatalf("got %v", err)
	}
	if want := []string{"POST /projects/P/jobs/", "GET /projects/P/jobs/j10/", "POST /projects/Q/jobs/", "GET /projects/Q/jobs/j2/"}; !slices.Equal(*asked, want) {
		t.Errorf("asked %q, want %q", *asked, want)
	}
	// It was started, and only its state could not be asked: it is not started twice.
	answers["GET /projects/Q/jobs/j2/"] = `{"baseStatus":{"state":"DONE"}}`
	*asked = nil
	if err := w.do(c); err != nil {
		t.Fatal(err)
	}
	if want := []string{"GET /projects/Q/jobs/j2/"}; !slices.Equal(*asked, want) {
		t.Errorf("asked %q, want %q", *asked, want)
	}
}

// What release notes may ask for is listed by project, with the reason.
func TestReview(t *testing.T) {
	w := newWorld(t)
	calls, _ := w.upgraded("", map[string]string{
		"GET /admin/code-envs/":            `[{"envLang":"PYTHON","envName":"a","deploymentMode":"DESIGN_MANAGED"}]`,
		"GET /projects/":                   `[{"projectKey":"CHURN"},{"projectKey":"EMPTY"}]`,
		"GET /projects/CHURN/savedmodels/": `[{"id":"m1","name":"Leavers"}]`,
		"GET /projects/EMPTY/savedmodels/": `[]`,
		"GET /projects/CHURN/apiservices/": `[{"id":"score"}]`,
	})
	if err := w.do(calls[KindReview]); err != nil {
		t.Fatal(err)
	}
	const why = "after an upgrade from 13.5.0 to 14.4.1; see the release notes of 14.4.1: "
	want := []string{
		"code environments (1) may have to be rebuilt, for DSS's core packages have changed, " + why + "PYTHON a",
		"project CHURN: saved models that may have to be trained again, " + why + "Leavers (m1)",
		"project CHURN: API services whose packages have to be made again and deployed again once their models are trained, " + why + "score",
	}
	if !slices.Equal(w.notices, want) {
		t.Errorf("got %q\nwant %q", w.notices, want)
	}
}

// An image that cannot be built fails its step with what docker said, and is not
// taken as done; the same step does it again.
func TestImageFails(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.write("data/bin/dssadmin", "#!/bin/sh\necho 'docker: no space left on device' >&2\nexit 1\n", 0o755)
	w.declare("integration \"base_image\" {\n types = [\"spark\"]\n}\nrelease {\n version = \"14.4.1\"\n rehearse = false\n}")
	var image *providers.Call
	for _, c := range w.calls(w.mustPropose()) {
		if c.Action.Kind == KindReplay {
			image = c
		}
	}
	if err := w.do(image); err == nil || !strings.Contains(err.Error(), "no space left on device") || !strings.Contains(err.Error(), "build-base-image") {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(string(w.recorded), "base_image") {
		t.Errorf("it is taken as installed: %s", w.recorded)
	}
	if _, err := os.Stat(filepath.Join(w.data, "ran")); err == nil {
		t.Fatal("it ran")
	}
	w.write("data/bin/dssadmin", "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/../ran\"\n", 0o755)
	if err := w.do(image); err != nil {
		t.Fatal(err)
	}
	if got, want := w.read("data/ran"), "build-base-image --type spark\n"; got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
}

// Ports of a stopped DSS that somebody else listens on are named ahead of the
// window, and once more before the installer runs.
func TestPortsTaken(t *testing.T) {
	w := newWorld(t)
	base, release, err := dsskit.FreePorts(10)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	port := base + 3
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.kit("14.4.1", "")
	// The fourth of its ten.
	w.write("data/install.ini", fmt.Sprintf("[general]\nnodetype = design\n\n[server]\nport = %d\n", port-3), 0o644)
	calls := w.upgrading("")
	for _, kind := range []plan.Kind{KindRehearse, KindInstall} {
		err := w.do(calls[kind])
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) || !strings.Contains(err.Error(), "give the instance another port") {
			t.Errorf("%s: got %v", kind, err)
		}
	}
	if w.read("kits/ran") != "" {
		t.Errorf("an installer ran: %s", w.read("kits/ran"))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.do(calls[KindRehearse]); err != nil {
		t.Errorf("the ports are free: %v", err)
	}
}
