package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers/dss"
)

// A kit is unpacked into no folder of an instance, by whatever path it is named.
func TestKitInSomebodysFolder(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"design", "auto"} {
		for _, mark := range []string{"install.ini", "dss-version.json", "bin/dss"} {
			path := filepath.Join(base, name, mark)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("design/lib", filepath.Join(base, "kits")); err != nil {
		t.Fatal(err)
	}
	inst := &dss.Instance{DataDir: filepath.Join(base, "design")}
	for root, want := range map[string]string{
		"kits": "the data directory " + filepath.Join(base, "design"), "auto/kits": "the data directory " + filepath.Join(base, "auto"), "elsewhere": "",
	} {
		dir := filepath.Join(base, root)
		if got := New().misplaced(inst, resolve(dir), filepath.Join(resolve(dir), "dataiku-dss-14.4.1")); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", root, got, want)
		}
	}
}

func TestMisplacedKitIsRefused(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.declare("release {\n version = \"14.4.1\"\n}")
	p, diags := w.propose(func(o *Observation, _ *dss.Facts) { o.Misplaced = "the data directory /data/auto of instance.auto" })
	if !diags.HasErrors() || len(p.Steps) > 0 || !strings.Contains(diags.Error(), "is inside the data directory /data/auto of instance.auto") {
		t.Errorf("%d steps, %v", len(p.Steps), diags)
	}
}
