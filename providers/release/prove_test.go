package release

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// After an upgrade a DSS that says another version is refused. One that says none
// is believed, for its files say it and it is ready, and that is said.
func TestProveVersion(t *testing.T) {
	const notice = "DSS is ready and its public API does not tell its version: that it is 14.4.1 is known from dss-version.json"
	for name, tt := range map[string]struct {
		info, configuration string
		err, notice         string
	}{
		"told":               {`{"dssVersion":"14.4.1"}`, `{}`, "", ""},
		"told elsewhere":     {`{"nodeType":"DESIGN"}`, `{"version":{"product_version":"14.4.1"}}`, "", ""},
		"not told":           {`{"nodeType":"DESIGN"}`, `{}`, "", notice},
		"another":            {`{"dssVersion":"13.5.0"}`, `{}`, "DSS says that it is of version 13.5.0, expected 14.4.1", ""},
		"another elsewhere":  {`{}`, `{"version":{"product_version":"13.5.0"}}`, "DSS says that it is of version 13.5.0, expected 14.4.1", ""},
		"of another shape":   {`[]`, `{}`, "GET /instance-info of DSS's public API: expected a JSON object, found a JSON array", ""},
		"DSS cannot tell":    {"", `{}`, "instance-info cannot be done", ""},
		"DSS is not ready":   {`{"dssVersion":"14.4.1"}`, "", "DSS does not answer", ""},
		"the call not known": {"404", `{}`, "", notice},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answers := map[string]string{"GET /dip/api/get-configuration": tt.configuration}
			if tt.info != "404" {
				answers["GET /instance-info"] = tt.info
			}
			calls, _ := w.upgraded("", answers)
			// As the installer and a start leave it.
			w.write("data/dss-version.json", `{"product_version":"14.4.1"}`, 0o644)
			w.write("data/bin/env-default.sh", "export DKUINSTALLDIR="+strconv.Quote(filepath.Join(w.base, "kits/dataiku-dss-14.4.1"))+"\n", 0o644)
			w.write("data/bin/dss", "#!/bin/sh\necho 'backend   RUNNING   pid "+strconv.Itoa(os.Getpid())+", uptime 0:01:00'\n", 0o755)
			err := w.do(calls[KindProve])
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if got := strings.Join(w.notices, "\n"); got != tt.notice {
				t.Errorf("notices %q, want %q", got, tt.notice)
			}
		})
	}
}

// Who manages an environment is asked where the list does not say it; what nobody
// says is not rebuilt, and named.
func TestRebuildUnknownMode(t *testing.T) {
	w := newWorld(t)
	const build = "POST /admin/code-envs/PYTHON/"
	calls, asked := w.upgraded("rebuild_code_envs = true", map[string]string{
		"GET /admin/code-envs/": `[{"envLang":"PYTHON","envName":"a"},{"envLang":"PYTHON","envName":"own"},{"envLang":"PYTHON","envName":"silent"},` +
			`{"envLang":"PYTHON","envName":"unknown"},{"envLang":"PYTHON","envName":"b","deploymentMode":"DESIGN_MANAGED"}]`,
		"GET /admin/code-envs/PYTHON/a":      `{"deploymentMode":"DESIGN_MANAGED"}`,
		"GET /admin/code-envs/PYTHON/own":    `{"deploymentMode":"DESIGN_NON_MANAGED"}`,
		"GET /admin/code-envs/PYTHON/silent": `{}`,
		build + "a/packages":                 fine, build + "b/packages": fine,
	})
	if err := w.do(calls[KindCodeEnvs]); err != nil {
		t.Fatal(err)
	}
	var built []string
	for _, a := range *asked {
		if strings.HasPrefix(a, "POST") {
			built = append(built, a)
		}
	}
	if got, want := strings.Join(built, " "), build+"a/packages "+build+"b/packages"; got != want {
		t.Errorf("built %q, want %q", got, want)
	}
	if got := strings.Join(w.notices, "\n"); !strings.HasSuffix(got, "so they were not rebuilt; rebuild them in DSS where needed: PYTHON silent, PYTHON unknown") {
		t.Errorf("notices %q", got)
	}
}

// A review that cannot read a list says so and goes on with the others.
func TestReviewUntold(t *testing.T) {
	w := newWorld(t)
	calls, _ := w.upgraded("", map[string]string{
		"GET /admin/code-envs/":        `{"items":[{"envLang":"PYTHON","envName":"a"}]}`,
		"GET /projects/":               `[{"projectKey":"A"}]`,
		"GET /projects/A/savedmodels/": `{"total":1,"items":[{"id":"m1"}]}`,
		"GET /projects/A/apiservices/": `[{}]`,
	})
	if err := w.do(calls[KindReview]); err != nil {
		t.Fatal(err)
	}
	said := strings.Join(w.notices, "\n")
	for _, want := range []string{
		"the code environments could not all be listed", `GET /admin/code-envs/ of DSS's public API: expected a JSON array of objects, found a JSON object with "items"`,
		"project A: saved models that may have to be trained again", ": m1",
		"the API services of project A could not all be listed",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
}
