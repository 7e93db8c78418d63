package atomicfile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a killed Write left goes, and nothing else that looks like it.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	left, other := tempName("a.json"), tempName("b")
	kept := []string{"a.json", ".a.json", ".a.json.dssctl-short", "a.json.dssctl-ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
	for _, name := range append([]string{left, other}, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	there := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	if err := Sweep(dir, "a.json"); err != nil || there(left) || !there(other) {
		t.Errorf("of one file: %v, its own there %v, another's there %v", err, there(left), there(other))
	}
	if err := Sweep(dir, ""); err != nil || there(other) {
		t.Errorf("of all files: %v, there %v", err, there(other))
	}
	if i := slices.IndexFunc(kept, func(name string) bool { return !there(name) }); i >= 0 {
		t.Errorf("%s is gone", kept[i])
	}
	if err := Sweep(filepath.Join(dir, "absent"), ""); err != nil {
		t.Error(err)
	}
}
