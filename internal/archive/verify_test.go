package archive

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallTree is quick to archive.
func smallTree(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"a", "b/c", "b/d/e", "b/d/f"} {
		put(t, filepath.Join(root, name), noise(3000+100*len(name)))
	}
	put(t, filepath.Join(root, "large"), noise(smallFile+5000))
	must(t, os.Symlink("a", filepath.Join(root, "link")))
	return root
}

// TestFlippedBits: each is found, by the verification and by the extraction.
func TestFlippedBits(t *testing.T) {
	tree := smallTree(t)
	random := rand.New(rand.NewPCG(1, 2))
	for name, o := range kinds {
		archive, index, wrote := written(t, Source{Root: tree}, o)
		for _, file := range []string{archive, index} {
			good, err := os.ReadFile(file)
			must(t, err)
			places := []int{0, 1, 2, 3, 4, 5, 6, len(good) - 1, len(good) - 4, len(good) - 9}
			for range 50 {
				places = append(places, random.IntN(len(good)))
			}
			for _, at := range places {
				bad := bytes.Clone(good)
				bad[at] ^= 1 << random.IntN(8)
				must(t, os.WriteFile(file, bad, 0o600))
				_, err := Verify(context.Background(), archive, index, VerifyOptions{Sums: Sums{Index: wrote.IndexSHA256}})
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), file) {
					t.Errorf("%s: %s with a flipped bit at %d of %d: found %v", name, filepath.Base(file), at, len(good), err)
				}
				if file == index {
					continue
				}
				// Where it is comes before what the whole has.
				if err == nil || !strings.Contains(err.Error(), "bytes 0 to ") {
					t.Errorf("%s: with a flipped bit at %d: found %v", name, at, err)
				}
				_, err = Extract(context.Background(), archive, index, t.TempDir(), ExtractOptions{})
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "bytes 0 to ") {
					t.Errorf("%s: with a flipped bit at %d, extracting: found %v", name, at, err)
				}
			}
			must(t, os.WriteFile(file, good, 0o600))
		}
	}
}

// TestCut: what is cut off or added is found, whatever the length.
func TestCut(t *testing.T) {
	tree := smallTree(t)
	archive, index, _ := written(t, Source{Root: tree}, Options{})
	for _, file := range []string{archive, index} {
		good, err := os.ReadFile(file)
		must(t, err)
		for _, bad := range [][]byte{nil, good[:1], good[:len(good)/2], good[:len(good)-1], append(bytes.Clone(good), 0), append(bytes.Clone(good), good...)} {
			must(t, os.WriteFile(file, bad, 0o600))
			if _, err := Verify(context.Background(), archive, index, VerifyOptions{}); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s with %d bytes instead of %d: found %v", filepath.Base(file), len(bad), len(good), err)
			}
		}
		must(t, os.WriteFile(file, good, 0o600))
	}
	if _, err := Verify(context.Background(), archive, index, VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// TestOtherIndex: an index belongs to one archive.
func TestOtherIndex(t *testing.T) {
	tree := smallTree(t)
	archive, _, wrote := written(t, Source{Root: tree}, Options{Compression: None})
	put(t, filepath.Join(tree, "b/c"), noise(3301)[1:])
	_, other, _ := written(t, Source{Root: tree}, Options{Compression: None})
	if _, err := Verify(context.Background(), archive, other, VerifyOptions{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("found %v", err)
	}
	only := func(rel string) bool { return rel == "a" }
	if _, err := Extract(context.Background(), archive, other, t.TempDir(), ExtractOptions{Only: only, Sums: Sums{Index: wrote.IndexSHA256}}); !errors.Is(err, ErrDamaged) {
		t.Errorf("extracting: found %v", err)
	}
	for _, sums := range []Sums{{Archive: wrote.IndexSHA256}, {Index: wrote.SHA256}} {
		if _, err := Verify(context.Background(), archive, other, VerifyOptions{Sums: sums}); !errors.Is(err, ErrDamaged) {
			t.Errorf("with other sums: found %v", err)
		}
	}
}

// TestNoFiles: what is missing is said.
func TestNoFiles(t *testing.T) {
	archive, index, _ := written(t, Source{Root: smallTree(t)}, Options{})
	for _, names := range [][2]string{{archive + ".none", index}, {archive, index + ".none"}, {archive, archive}} {
		if _, err := Verify(context.Background(), names[0], names[1], VerifyOptions{}); err == nil {
			t.Errorf("%v: found nothing", names)
		}
		if _, err := Extract(context.Background(), names[0], names[1], t.TempDir(), ExtractOptions{}); err == nil {
			t.Errorf("%v: found nothing", names)
		}
		if _, _, err := Open(context.Background(), names[0], names[1], "a"); err == nil {
			t.Errorf("%v: found nothing", names)
		}
	}
}
