package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

const oldVersion = "13.5.0"

// kitArchive is the archive of a kit, with its checksum.
func kitArchive(t *testing.T, version string, seed int64) (path, sum string) {
	t.Helper()
	path = kit(t, version, seed) + ".tar.gz"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(raw)
	return path, hex.EncodeToString(h[:])
}

// kitRoot is where the lab's kits are unpacked to: it goes onto a shelf with the data.
func (l *lab) kitRoot() string { return filepath.Join(l.data, "kits") }

// releaseEstate declares the instance design with a version, what else stands in
// the block, and what else stands in the instance.
func (l *lab) releaseEstate(version, body, more string) {
	l.t.Helper()
	archive, sum := kitArchive(l.t, version, l.seed)
	write(l.t, l.dir, "main.dss.hcl", fmt.Sprintf(`
variable "pg_password" {
  type      = string
  sensitive = true
  default   = null
}

variable "api_key" {
  type      = string
  sensitive = true
  default   = null
}

instance "design" {
  data_dir = %q

  release {
    version      = %q
    archive      = %q
    sha256       = %q
    install_root = %q
%s
  }
%s
}
`, l.dss["design"].DataDir, version, archive, sum, l.kitRoot(), body, more))
}

// versionOf is what the data directory says.
func (l *lab) versionOf(name string) string {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dss[name].DataDir, "dss-version.json"))
	l.ok(err)
	var v struct {
		Version string `json:"product_version"`
	}
	l.ok(json.Unmarshal(raw, &v))
	return v.Version
}

// integrate gives an instance everything that has to be replayed. DSS is
// stopped meanwhile.
func (l *lab) integrate(name string) {
	l.t.Helper()
	in := l.dss[name]
	l.stop(name)
	for _, args := range [][]string{
		{"install-R-integration"}, {"install-graphics-export"}, {"install-hadoop-integration"}, {"install-spark-integration"},
	} {
		if r, err := in.Run(context.Background(), "dssadmin", args...); err != nil || r.ExitCode != 0 {
			l.t.Fatalf("%v: %v %v", args, err, r)
		}
	}
	settings := filepath.Join(in.DataDir, "config/general-settings.json")
	raw, err := os.ReadFile(settings)
	l.ok(err)
	doc, err := jsonedit.Parse(raw)
	l.ok(err)
	l.ok(doc.Set("/graphicsExportsEnabled", json.RawMessage("true")))
	l.ok(doc.Set("/containerSettings/executionConfigs", json.RawMessage(`[{"name": "k8s"}]`)))
	l.ok(os.WriteFile(settings, doc.Bytes(), 0o600))
	wrapper := filepath.Join(in.DataDir, "security", "execwrapper")
	l.ok(os.WriteFile(wrapper, []byte("old"), 0o600))
	ini := filepath.Join(in.DataDir, "install.ini")
	f, err := os.OpenFile(ini, os.O_APPEND|os.O_WRONLY, 0)
	l.ok(err)
	_, err = fmt.Fprintf(f, "\n[mus]\nexec_wrapper_location = %s\n", wrapper)
	l.ok(err)
	l.ok(f.Close())
	l.start(name)
}

// An upgrade over a major version with every integration present: each step of
// the documentation's page is in the plan and in the journal, what only a person
// can do is shown until it is seen done, and rollback leads back to the old
// version with its old data.
func TestUpgradeWithEverything(t *testing.T) {
	t.Parallel()
	l := newLab(t, 42) // a DSS whose API does not tell its version
	l.version = oldVersion
	in := l.install("design", dsskit.InstallOptions{RowsPerTable: 30})
	l.integrate("design")
	key, err := in.APIKey()
	l.ok(err)
	l.env = append(l.env, "DSSCTL_VAR_api_key="+key)
	hadoop := filepath.Join(l.data, "..", "hadoop.tar.gz")
	l.ok(os.WriteFile(hadoop, nil, 0o644))
	l.releaseEstate(kitVersion, `
    rebuild_code_envs       = true
    rebuild_code_env_images = true
    retrain                 = ["CHURN.model1"]
`, fmt.Sprintf(`
  api_key = var.api_key
  integration "hadoop" {
    archive = %q
  }
  integration "monitoring" {
    server = "localhost:2003"
    prefix = "dss"
  }
`, hadoop))
	before := configs(t, l.data)
	planned := l.run("plan", "-detailed-exitcode").must(t, 2)
	t.Log(planned)
	for _, want := range []string{
		"13.5.0 → 14.4.1", "verify dataiku-dss-14.4.1.tar.gz", "rehearse", "safety backup", "installer.sh", "install-R-integration",
		"install-graphics-export", "install-hadoop-integration", "install-monitoring-integration", "build-base-image",
		"start DSS", "rebuild the code environments and their images", "CHURN.model1",
		"sudo " + in.DataDir + "/bin/dssadmin install-impersonation", "install-spark-integration -standaloneArchive ARCHIVE", "2 manual",
	} {
		if !strings.Contains(planned.stdout, want) {
			t.Errorf("the plan does not have %q", want)
		}
	}
	applied := l.run("apply", "-auto-approve").must(t, 0)
	t.Log(applied)
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
	}
	if !strings.Contains(applied.stdout, "Left to a person") || !strings.Contains(applied.stdout, "saved models") {
		t.Error("what is left is not named")
	}
	if said := "DSS is ready and its public API does not tell its version"; !strings.Contains(applied.String(), said) {
		t.Errorf("the apply does not say that %s", said)
	}
	commands, err := in.Commands()
	l.ok(err)
	for _, want := range []string{
		"installer.sh -u", "dssadmin install-R-integration", "dssadmin install-graphics-export",
		"dssadmin install-hadoop-integration -standaloneArchive " + hadoop,
		"dssadmin install-monitoring-integration -graphiteServer localhost:2003 -prefix dss", "dssadmin build-base-image --type container-exec",
	} {
		if !strings.Contains(strings.Join(commands, "\n"), kitVersion+" "+want) {
			t.Errorf("%q did not run: %q", want, commands)
		}
	}
	for _, mark := range []string{"built-with", "image-built-with"} {
		raw, err := os.ReadFile(filepath.Join(in.DataDir, "code-envs/desc/python/py39_default", mark))
		if err != nil || strings.TrimSpace(string(raw)) != kitVersion {
			t.Errorf("%s: %q, %v", mark, raw, err)
		}
	}

	// Nothing is left to do but by hand, and that is shown until it is done.
	if o := l.run("plan", "-detailed-exitcode").must(t, 0); !strings.Contains(o.stderr, "install-impersonation") {
		t.Errorf("the open step is not shown: %s", o)
	}
	if o := l.run("status").must(t, 0); !strings.Contains(o.stdout, "2 steps by hand are open") {
		t.Errorf("status does not show it: %s", o)
	}
	l.ok(os.WriteFile(filepath.Join(in.DataDir, "security", "execwrapper"), []byte("new one"), 0o600))
	if o := l.run("status").must(t, 0); !strings.Contains(o.stdout, "1 step by hand is open") {
		t.Errorf("what was done is not seen: %s", o)
	}
	l.run("apply", "-auto-approve").must(t, 0)
	l.ok(os.WriteFile(filepath.Join(in.DataDir, "security", "execwrapper"), []byte("old"), 0o600))

	if o := l.run("rollback", l.lastRun(), "-auto-approve").must(t, 5); !strings.Contains(o.stderr, "all that was done in DSS 14.4.1") {
		t.Errorf("what is lost is not named: %s", o)
	}
	t.Log(l.run("rollback", l.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0))
	if v := l.versionOf("design"); v != oldVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v", v, l.running("design"))
	}
	after := configs(t, l.data)
	for _, files := range []map[string]string{before, after} {
		for rel := range files {
			if strings.Contains(rel, "built-with") || strings.Contains(rel, "code-envs/") {
				delete(files, rel)
			}
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the rollback did not put everything back:\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(l.kitRoot(), "dataiku-dss-"+kitVersion)); !os.IsNotExist(err) {
		t.Errorf("the unpacked kit stayed: %v", err)
	}
	commands, err = in.Commands()
	l.ok(err)
	if last := commands[len(commands)-1]; !strings.HasPrefix(last, oldVersion+" dssadmin") {
		t.Errorf("the integrations were not installed again with the old kit: %q", commands)
	}
	// The old standalone Hadoop came out of an archive that nobody has named.
	if o := l.run("plan", "-detailed-exitcode").must(t, 2); !strings.Contains(o.stderr, "install-hadoop-integration -standaloneArchive ARCHIVE") {
		t.Errorf("what could not be installed again is not shown: %s", o)
	}
	noSecrets(t, l, planned.String()+applied.String())
}
