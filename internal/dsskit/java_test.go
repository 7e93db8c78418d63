package dsskit_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Test processes that run at once, perhaps for an account without a home, compile once between them.
func TestCompile(t *testing.T) {
	t.Setenv("HOME", "/nowhere")
	t.Setenv("XDG_CACHE_HOME", "/proc/nowhere")
	t.Setenv("TMPDIR", t.TempDir())
	jars := make([]string, 3)
	var all sync.WaitGroup
	for n := range jars {
		all.Go(func() {
			jar, err := dsskit.Compile(t.Context(), "")
			if err != nil {
				t.Error(err)
			}
			jars[n] = jar
		})
	}
	all.Wait()
	if jars[0] != jars[1] || jars[0] != jars[2] {
		t.Errorf("compiled several times: %q", jars)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(jars[0])), "compile-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFreePorts(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 20 {
		base, release, err := dsskit.FreePorts(10)
		must(t, err)
		t.Cleanup(release)
		if seen[base] || base%10 != 0 {
			t.Errorf("block %d", base)
		}
		seen[base] = true
	}
}
