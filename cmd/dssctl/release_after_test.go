package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// What fails once the new version runs leaves it running: the failure is
// reported, the run stays open, and going on does what is left and no more.
func TestUpgradeFailsAfterTheStart(t *testing.T) {
	t.Parallel()
	l := newLab(t, 111)
	l.version = oldVersion
	in := l.install("design", dsskit.InstallOptions{})
	key, err := in.APIKey()
	l.ok(err)
	l.env = append(l.env, "DSSCTL_VAR_api_key="+key)
	l.releaseEstate(kitVersion, `
    rehearse                = false
    rebuild_code_envs       = true
    rebuild_code_env_images = true
`, "  api_key = var.api_key\n")
	env := filepath.Join(in.DataDir, "code-envs/desc/python/py39_default")
	// The kit's DSS cannot write what it leaves of an image.
	broken := filepath.Join(env, "image-built-with")
	l.ok(os.Mkdir(broken, 0o755))

	failed := l.run("apply", "-auto-approve").must(t, 4)
	for _, want := range []string{"1 of 1 code environments could not be built", "PYTHON py39_default images", "DSS runs", "dssctl recover"} {
		if !strings.Contains(failed.stdout+failed.stderr, want) {
			t.Errorf("%q is not said: %s", want, failed)
		}
	}
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v: %s", v, l.running("design"), failed)
	}
	// Nothing new is planned over it: what is left to do is pointed at.
	if o := l.run("plan", "-detailed-exitcode"); !strings.Contains(o.stdout+o.stderr, l.lastRun()) {
		t.Errorf("a plan does not speak of the open run: %s", o)
	}
	// Once only, however often it is tried again.
	l.ok(os.Remove(filepath.Join(env, "built-with")))
	if o := l.run("recover", "-resume"); o.code != 4 || !l.running("design") {
		t.Errorf("it is still broken: %s", o)
	}
	l.ok(os.Remove(broken))
	resumed := l.run("recover", "-resume").must(t, 0)
	if raw, err := os.ReadFile(broken); err != nil || strings.TrimSpace(string(raw)) != kitVersion {
		t.Errorf("the image was built by %q, %v: %s", raw, err, resumed)
	}
	if _, err := os.Stat(filepath.Join(env, "built-with")); !os.IsNotExist(err) {
		t.Errorf("what was rebuilt is built again: %v", err)
	}
	commands, err := in.Commands()
	l.ok(err)
	if n := strings.Count(strings.Join(commands, "\n"), "installer.sh -u"); n != 1 {
		t.Errorf("the installer ran %d times: %q", n, commands)
	}
	if v := l.versionOf("design"); v != kitVersion || !l.running("design") {
		t.Fatalf("DSS is of version %s, running %v: %s", v, l.running("design"), resumed)
	}
	l.run("plan", "-detailed-exitcode").must(t, 0)
	t.Log(failed, resumed)
	noSecrets(t, l, failed.String()+resumed.String())
}
