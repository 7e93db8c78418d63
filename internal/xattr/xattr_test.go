package xattr

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListAndGet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const name, value = "user.dssctl.test", "a\x00b"
	if err := unix.Lsetxattr(path, name, []byte(value), 0); err != nil {
		t.Skipf("the file system takes no attributes: %v", err)
	}
	names, err := List(path)
	if err != nil || !slices.Contains(names, name) {
		t.Errorf("the names are %q, %v", names, err)
	}
	if got, err := Get(path, name); err != nil || string(got) != value {
		t.Errorf("the value is %q, %v", got, err)
	}
	if _, err := Get(path, "user.none"); !errors.Is(err, unix.ENODATA) {
		t.Errorf("an attribute that is not there: %v", err)
	}
	if _, err := List(path + ".gone"); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A value that grows between the two calls is asked for again.
func TestSized(t *testing.T) {
	values, calls := []string{"one", "longer", "longer"}, 0
	got, err := Sized(func(b []byte) (int, error) {
		v := values[min(calls/2, len(values)-1)]
		if calls == 1 {
			v = values[1]
		}
		calls++
		switch {
		case b == nil:
			return len(v), nil
		case len(b) < len(v):
			return 0, unix.ERANGE
		}
		return copy(b, v), nil
	})
	if err != nil || string(got) != "longer" || calls != 4 {
		t.Errorf("%q after %d calls, %v", got, calls, err)
	}
}
