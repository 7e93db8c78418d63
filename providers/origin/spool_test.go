package origin

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func aZip(t *testing.T, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"manifest.json", "config/params.json"} {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(strings.Repeat(name, 100)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.SetComment(comment), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Cut at whatever byte, an archive is no whole one.
func TestWholeZip(t *testing.T) {
	for _, comment := range []string{"", "made by DSS", "a comment with PK\x05\x06 in it, and more than enough behind"} {
		whole := aZip(t, comment)
		if err := wholeZip(bytes.NewReader(whole), int64(len(whole))); err != nil {
			t.Errorf("whole, comment %q: %v", comment, err)
		}
		for n := range whole {
			if err := wholeZip(bytes.NewReader(whole[:n]), int64(n)); err == nil {
				t.Errorf("comment %q: %d of %d bytes count as whole", comment, n, len(whole))
			}
		}
	}
	if err := wholeZip(strings.NewReader(`{"message":"no"}`), 16); err == nil || !strings.Contains(err.Error(), "no zip archive") {
		t.Errorf("an answer of another kind: %v", err)
	}
}

func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "projects", "run")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "1.zip")
	if err := os.WriteFile(path, []byte("of one that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	left := int64(keepFree + askEvery + 1000)
	asked := 0
	free := func(where string) (int64, error) {
		if asked++; where != dir {
			t.Errorf("asked for %s", where)
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return left - info.Size(), nil
	}
	told := int64(0)
	s, err := newSpool(path, free, func(n int64) { told = n })
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
	block := make([]byte, 1<<20)
	for s.n < askEvery {
		if _, err := s.Write(block); err != nil {
			t.Fatalf("after %d: %v", s.n, err)
		}
	}
	if asked != 1 || told != askEvery {
		t.Errorf("asked %d times, told of %d", asked, told)
	}
	// There the room that is kept would be touched.
	if _, err := s.Write(block); err == nil || !strings.Contains(err.Error(), "kept free") || !strings.Contains(err.Error(), "companion_dir") {
		t.Errorf("got %v", err)
	}
	if err := s.room(keepFree); err == nil {
		t.Error("more than there is was taken on")
	}
	if err := s.discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folders are left: %v", err)
	}
}
