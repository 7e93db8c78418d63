package volume

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	total, free, err := Space(dir)
	if err != nil || free <= 0 || free > total {
		t.Fatalf("%s: total %d, free %d, %v", dir, total, free, err)
	}
	later, _, err := Space(filepath.Join(dir, "not", "there", "yet"))
	if err != nil || later != total {
		t.Errorf("what is to be made there: total %d and not %d, %v", later, total, err)
	}
	if at := Existing(filepath.Join(dir, "not", "there")); at != dir {
		t.Errorf("the nearest folder is %s and not %s", at, dir)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Free(filepath.Join(file, "below")); err == nil {
		t.Error("below a file there can be nothing, and it has free space")
	}
}
