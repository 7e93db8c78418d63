package exclude

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What a restore keeps inside of a data directory is never part of a backup,
// also without any rule.
func TestOwnFoldersAreLeftOut(t *testing.T) {
	m, err := Compile(Rules{})
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, name := range []string{Own + "replaced-x", "config/" + Own + "not-at-the-top"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, dropped, err := m.Concrete(root)
	if err != nil || !slices.Equal(dropped, []string{Own + "replaced-x"}) {
		t.Errorf("dropped %v, %v", dropped, err)
	}
	if v := m.Verdict("config/"+Own+"not-at-the-top", true); v != Keep {
		t.Errorf("a name further down is left out: %v", v)
	}
}
