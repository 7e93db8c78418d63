package dsskit_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

type client struct {
	t   *testing.T
	i   *dsskit.Instance
	key string
}

// call returns status, headers and body of one request.
func (c client) call(method, path, body string) (int, http.Header, string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.i.URL()+path, strings.NewReader(body))
	must(c.t, err)
	request.SetBasicAuth(c.key, "")
	response, err := http.DefaultClient.Do(request)
	must(c.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(c.t, err)
	return response.StatusCode, response.Header, string(text)
}

func (c client) list(path string) (l []map[string]any) {
	c.t.Helper()
	status, _, text := c.call("GET", path, "")
	if status != 200 {
		c.t.Fatalf("GET %s: %d %s", path, status, text)
	}
	must(c.t, json.Unmarshal([]byte(text), &l))
	return l
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 40})
	must(t, i.SetFault(dsskit.Faults{dsskit.StartHang: ""}))
	mustRun(t, i, "dss", "start")
	c := client{t: t, i: i}
	waitFor(t, "the front to answer", func() bool {
		response, err := http.Get(i.URL() + "/")
		if err == nil {
			response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	})
	status, header, _ := c.call("GET", "/dip/api/get-configuration", "")
	if status != http.StatusBadGateway || !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		t.Errorf("before it is ready DSS answers %d %s", status, header)
	}
	stop(t, i)
}

func TestPublicAPI(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 41})
	must(t, i.SetFault(dsskit.Faults{dsskit.SettingsRewriteAtStart: ""}))
	start(t, i)
	must(t, i.SetFault(nil))
	key, err := i.APIKey()
	must(t, err)
	reader, err := i.ReaderKey()
	must(t, err)
	c := client{t, i, key}

	status, header, _ := c.call("GET", "/public/api/instance-info", "")
	if told := header.Get("DSS-Version"); status != 200 || told != "" && told != "14.4.1" || header.Get("DSS-API-Version") == "" {
		t.Errorf("instance-info: %d %v", status, header)
	}
	status, _, text := client{t, i, "wrong"}.call("GET", "/public/api/instance-info", "")
	if (status != 401 && status != 403) || !strings.Contains(text, `"errorType"`) {
		t.Errorf("wrong key: %d %s", status, text)
	}
	if status, _, _ := (client{t, i, reader}).call("GET", "/public/api/admin/general-settings", ""); status != 403 {
		t.Errorf("no administrator: %d", status)
	}
	if status, _, _ := c.call("GET", "/public/api/nothing", ""); status != 404 {
		t.Errorf("unknown resource: %d", status)
	}
	if n := len(c.list("/public/api/projects/")); n != len(dsskit.Projects) {
		t.Errorf("%d projects", n)
	}
	work(t, i, c)
	scenarios(t, c)
	settings(t, i, c)

	if l := c.list("/public/api/admin/code-envs/"); len(l) != 1 || l[0]["envLang"] != "PYTHON" {
		t.Errorf("code environments: %v", l)
	}
	r := mustRun(t, i, "dsscli", "code-env-update", "--force-rebuild-env", "PYTHON", "py39_default")
	mark, err := os.ReadFile(filepath.Join(i.DataDir, "code-envs/desc/python/py39_default/built-with"))
	if err != nil || string(mark) != "14.4.1\n" {
		t.Errorf("rebuilt with %q, %v:\n%s", mark, err, r.Output)
	}
	export := filepath.Join(t.TempDir(), "p.zip")
	mustRun(t, i, "dsscli", "project-export", "CHURN", export)
	if r := mustRun(t, i, "dsscli", "project-import", "--project-key=CHURN2", export); r.ExitCode != 0 {
		t.Errorf("import: %s", r.Output)
	}
	stop(t, i)
	if r := mustRun(t, i, "dsscli", "jobs-list", "CHURN"); r.ExitCode == 0 {
		t.Errorf("dsscli works without DSS:\n%s", r.Output)
	}
}

func work(t *testing.T, i *dsskit.Instance, c client) {
	t.Helper()
	job := dsskit.Work{Kind: "job", ID: "Build_x", Project: "CHURN"}
	future := dsskit.Work{Kind: "future", ID: "f1", Project: "CHURN", Stubborn: true}
	notebook := dsskit.Work{Kind: "notebook", ID: "explore", Project: "CHURN"}
	running := func() int {
		n := 0
		for _, j := range c.list("/public/api/projects/CHURN/jobs/") {
			if j["stableState"] == false {
				n++
			}
		}
		return n
	}
	for _, w := range []dsskit.Work{job, future, notebook} {
		must(t, i.StartWork(w))
	}
	futures := "/public/api/futures/?withScenarios=true&withNotScenarios=true&allUsers=true"
	if running() != 1 || len(c.list(futures)) != 1 || len(c.list("/public/api/admin/notebooks/")) != 1 {
		t.Error("the work is not there")
	}
	c.call("POST", "/public/api/projects/CHURN/jobs/Build_x/abort", "")
	c.call("DELETE", "/public/api/futures/f1", "")
	if running() != 0 {
		t.Error("the job is not aborted")
	}
	if len(c.list(futures)) != 1 {
		t.Error("the stubborn future is aborted")
	}
	must(t, i.FinishWork(future))
	if len(c.list(futures)) != 0 {
		t.Error("the future is not finished")
	}
}

func scenarios(t *testing.T, c client) {
	t.Helper()
	if n := len(c.list("/public/api/projects/CHURN/scenarios/")); n != 3 {
		t.Errorf("%d scenarios", n)
	}
	path := "/public/api/projects/CHURN/scenarios/NIGHTLY/"
	_, _, text := c.call("GET", path, "")
	if !strings.Contains(text, `"active": true`) {
		t.Fatalf("scenario: %s", text)
	}
	c.call("PUT", path, strings.Replace(text, `"active": true`, `"active": false`, 1))
	if _, _, text := c.call("GET", path, ""); !strings.Contains(text, `"active": false`) {
		t.Errorf("scenario after PUT: %s", text)
	}
}

// A save through the API writes what DSS holds over what was put into the file, and drops what it does not know.
func settings(t *testing.T, i *dsskit.Instance, c client) {
	t.Helper()
	file := filepath.Join(i.DataDir, "config", "general-settings.json")
	original, err := os.ReadFile(file)
	must(t, err)
	if len(original) < 10_000 || !bytes.Contains(original, []byte(`\u003d`)) {
		t.Errorf("general-settings.json is not like a real one: %d bytes", len(original))
	}
	if !bytes.Contains(original, []byte("lastSettingsUpdate")) {
		t.Error("the start did not rewrite general-settings.json")
	}
	must(t, os.WriteFile(file, []byte("{}"), 0o600))
	_, _, text := c.call("GET", "/public/api/admin/general-settings", "")
	status, _, _ := c.call("PUT", "/public/api/admin/general-settings",
		strings.Replace(text, `"udrMode": "DEFAULT"`, `"udrMode": "OTHER", "unknownMember": 1`, 1))
	if status/100 != 2 {
		t.Errorf("PUT general-settings: %d", status)
	}
	saved, err := os.ReadFile(file)
	must(t, err)
	want := bytes.Replace(original, []byte(`"udrMode": "DEFAULT"`), []byte(`"udrMode": "OTHER"`), 1)
	if !bytes.Equal(saved, want) {
		t.Errorf("a save changed more than it should: %d bytes, want %d", len(saved), len(want))
	}
	must(t, i.SetFault(dsskit.Faults{dsskit.SettingsRewrite: ""}))
	waitFor(t, "DSS to rewrite its settings", func() bool {
		now, err := os.ReadFile(file)
		must(t, err)
		return !bytes.Equal(now, saved)
	})
	must(t, i.SetFault(nil))
}
