package dsskit_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// installer runs the installer of another version for an instance.
func installer(t *testing.T, i *dsskit.Instance, version string, want int, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(kit(t, version), "installer.sh"), append([]string{"-d", i.DataDir}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); (want == 0) != (got == 0) {
		t.Fatalf("installer.sh %v ended with %d:\n%s", args, got, out)
	}
	return string(out)
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{20, 21} {
		i := install(t, kit(t, "13.5.0"), dsskit.InstallOptions{Seed: seed})
		start(t, i)
		stop(t, i)
		before := rows(t, i.Rows)

		if out := installer(t, i, "14.4.1", 1, "-u"); !strings.Contains(out, "13.5.0") {
			t.Errorf("without an answer the installer says:\n%s", out)
		}
		installer(t, i, "14.4.1", 0, "-u", "-y")
		text, err := os.ReadFile(filepath.Join(i.DataDir, "dss-version.json"))
		must(t, err)
		if want := `{"conf_version":"14400","product_version":"14.4.1","product_commitid":""}`; string(text) != want {
			t.Errorf("dss-version.json is %s", text)
		}
		start(t, i)
		stop(t, i)
		if after := rows(t, i.Rows); dsskit.Total(after, "") < dsskit.Total(before, "") {
			t.Error("the upgrade lost rows")
		}

		installer(t, i, "13.5.0", 0, "-u", "-y")
		mustRun(t, i, "dss", "start")
		waitFor(t, "an older version to refuse newer tables", func() bool {
			state, err := i.Main(t.Context())
			must(t, err)
			return state == "FATAL"
		})
		if !strings.Contains(i.Log(), "newer than this software") {
			t.Errorf("unexpected log:\n%s", i.Log())
		}
	}
}

func TestInstallerFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	kitDir := kit(t, "14.4.1")
	for name, faults := range map[string]dsskit.Faults{
		"fails":        {dsskit.InstallerFail: "pyenv"},
		"killed":       {dsskit.InstallerKill: "folders"},
		"dependencies": {dsskit.MissingDependencies: ""},
		"disk full":    {dsskit.DiskFull: ""},
	} {
		_, err := dsskit.Install(ctx, kitDir, dsskit.InstallOptions{
			DataDir: filepath.Join(t.TempDir(), "data"), Port: 20000, Seed: 1, Faults: faults,
		})
		if err == nil {
			t.Errorf("%s: the installer ended well", name)
		} else if name == "dependencies" && !strings.Contains(err.Error(), "install-deps.sh") {
			t.Errorf("%s: %v", name, err)
		}
	}
	i := install(t, kitDir, dsskit.InstallOptions{Seed: 1})
	installer(t, i, "14.4.1", 1, "-p", "20000")
}

// What must be replayed after an upgrade leaves marks that carry the version it was done with.
func TestIntegrations(t *testing.T) {
	t.Parallel()
	i := install(t, kit(t, "14.4.1"), dsskit.InstallOptions{Seed: 22})
	for _, args := range [][]string{
		{"install-R-integration"},
		{"install-graphics-export"},
		{"install-hadoop-integration"},
		{"install-spark-integration"},
		{"install-monitoring-integration", "-graphiteServer", "localhost:2003", "-prefix", "dss"},
		{"build-base-image", "--type", "container-exec"},
		{"run-diagnosis", filepath.Join(t.TempDir(), "diag")},
	} {
		if r := mustRun(t, i, "dssadmin", args...); r.ExitCode != 0 {
			t.Errorf("%v ended with %d:\n%s", args, r.ExitCode, r.Output)
		}
	}
	for _, mark := range []string{
		"R.lib/dataiku/DESCRIPTION", "resources/graphics-export/version", "bin/env-hadoop.sh", "bin/env-spark.sh",
		"install-support/monitoring.conf", "local/base-images/container-exec",
	} {
		text, err := os.ReadFile(filepath.Join(i.DataDir, mark))
		if err != nil || !strings.Contains(string(text), "14.4.1") {
			t.Errorf("%s: %q, %v", mark, text, err)
		}
	}
	if r := mustRun(t, i, "dssadmin", "install-impersonation", "nobody"); r.ExitCode == 0 {
		t.Error("install-impersonation needs no root")
	}
	commands, err := i.Commands()
	must(t, err)
	if !slices.Contains(commands, "14.4.1 dssadmin install-R-integration") {
		t.Errorf("commands run: %q", commands)
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive, kitDir, err := dsskit.Build(t.Context(), dir, dsskit.KitOptions{Version: "12.6.10-hotfix2"})
	must(t, err)
	if want := filepath.Join(dir, "dataiku-dss-12.6.10-hotfix2"); kitDir != want || archive != want+".tar.gz" {
		t.Errorf("made %s and %s", archive, kitDir)
	}
	f, err := os.Open(archive)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	modes := map[string]int64{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		modes[strings.TrimPrefix(h.Name, "dataiku-dss-12.6.10-hotfix2/")] = h.Mode & 0o111
	}
	for _, name := range []string{"installer.sh", "dss-version.json", "scripts/install/install-deps.sh", "scripts/install/install-boot.sh", "lib/dss.jar"} {
		if mode, ok := modes[name]; !ok || (mode != 0) != strings.HasSuffix(name, ".sh") {
			t.Errorf("%s: there %t, executable %o", name, ok, mode)
		}
	}
}
