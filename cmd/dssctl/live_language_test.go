package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/view"
)

// What the language says beyond the aspects, on a DSS that runs and whose
// runtime databases are in PostgreSQL.
func liveLanguage(t *testing.T, l *lab) {
	t.Helper()
	file := filepath.Join(l.dir, "main.dss.hcl")
	was, err := os.ReadFile(file)
	l.ok(err)
	outputs := ""

	// The pool is somebody else's: it differs, and is left as it is.
	src := strings.Replace(string(was), "    user         = \"dss\"\n", "    user         = \"dss\"\n    pool {\n      max_pooled_external_connections = 7\n    }\n", 1)
	write(t, l.dir, "main.dss.hcl", src)
	o := l.run("plan", "-detailed-exitcode").must(t, 2)
	outputs += o.String()
	ignoring := strings.Replace(src, "  node_type = \"design\"\n", "  node_type = \"design\"\n  ignore    = [\"runtime_database.pool\"]\n", 1)
	write(t, l.dir, "main.dss.hcl", ignoring)
	o = l.run("plan", "-detailed-exitcode").must(t, 0)
	outputs += o.String()
	if !strings.Contains(o.stdout, "runtime_database.pool.max_pooled_external_connections") {
		t.Errorf("the plan does not say what it left alone: %s", o)
	}
	// The doctor sees the server.
	write(t, l.dir, "main.dss.hcl", string(was))
	o = l.run("doctor", "-json").must(t, 0, 1)
	outputs += o.String()
	var reports []view.DoctorReport
	if err := json.Unmarshal([]byte(o.stdout), &reports); err != nil {
		t.Fatalf("%v\n%s", err, o)
	}
	status := map[string]string{}
	for _, f := range reports[0].Findings {
		status[f.Check] = f.Status
	}
	for check, want := range map[string]string{
		"postgresql version": "ok", "embedded databases": "skipped", "port block": "skipped", "kit": "ok", "owner": "ok", "mounts inside": "ok",
	} {
		if status[check] != want {
			t.Errorf("%s is %s, want %s: %s", check, status[check], want, o.stdout)
		}
	}

	// Outputs and the graph show no secret.
	write(t, l.dir, "out.dss.hcl", "output \"password\" {\n  value     = instance.design.runtime_database.password\n  sensitive = true\n}\noutput \"host\" {\n  value = instance.design.runtime_database.host\n}\n")
	for _, args := range [][]string{{"plan"}, {"output"}, {"output", "-json"}, {"graph", "-plan"}, {"graph"}} {
		outputs += l.run(args...).must(t, 0).String()
	}
	if err := os.Remove(filepath.Join(l.dir, "out.dss.hcl")); err != nil {
		t.Error(err)
	}
	noSecrets(t, l, outputs)
}
