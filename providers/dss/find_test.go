package dss_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dssctl/dssctl/providers/dss"
)

func TestFind(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dataDir := func(rel string) string {
		for _, name := range []string{"install.ini", "dss-version.json", "bin/dss"} {
			path := filepath.Join(root, rel, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(root, rel)
	}
	a, b := dataDir("data/dataiku/auto"), dataDir("data/design")
	dataDir("data/design/managed/copy") // inside of one
	dataDir("data/.snapshots/design")   // hidden
	dataDir("data/1/2/3/4/deep")        // too far down
	if err := os.MkdirAll(filepath.Join(root, "data/half/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "data/half/install.ini"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b, filepath.Join(root, "data/link")); err != nil {
		t.Fatal(err)
	}
	got, whole, err := dss.Find(context.Background(), []string{filepath.Join(root, "data"), filepath.Join(root, "gone"), b, filepath.Join(root, "data/link")})
	if err != nil || !whole || !slices.Equal(got, []string{a, b}) {
		t.Errorf("found %v, whole %t, %v", got, whole, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := dss.Find(ctx, []string{root}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
