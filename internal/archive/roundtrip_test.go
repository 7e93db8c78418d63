package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var kinds = map[string]Options{
	"zstd": {}, "zstd-best": {Level: 4, Readers: 1, Workers: 1}, "gzip": {Compression: Gzip, Level: 1}, "none": {Compression: None, Sync: true},
}

func TestRoundTrip(t *testing.T) {
	tree := oddTree(t)
	for name, o := range kinds {
		t.Run(name, func(t *testing.T) {
			archive, index, wrote := written(t, Source{Root: tree}, o)
			read, err := Verify(context.Background(), archive, index, VerifyOptions{Sums: Sums{Archive: wrote.SHA256, Index: wrote.IndexSHA256}})
			must(t, err)
			if fmt.Sprint(read) != fmt.Sprint(wrote) {
				t.Errorf("verified %+v, wrote %+v", read, wrote)
			}
			if got := fileSum(t, archive); got != wrote.SHA256 {
				t.Errorf("the archive's sum is %s, reported %s", got, wrote.SHA256)
			}
			if got := fileSum(t, index); got != wrote.IndexSHA256 {
				t.Errorf("the index's sum is %s, reported %s", got, wrote.IndexSHA256)
			}
			into := intoFolder(t)
			put, err := Extract(context.Background(), archive, index, into, ExtractOptions{
				Owners: isRoot(), Devices: true, Sums: Sums{Archive: wrote.SHA256, Index: wrote.IndexSHA256}, Sync: o.Sync,
			})
			must(t, err)
			if put.LeftOut.Total != 0 {
				t.Errorf("left out %v", put.LeftOut.First)
			}
			same(t, into, tree)
		})
	}
}

// TestStable: the same tree makes the same bytes.
func TestStable(t *testing.T) {
	tree := oddTree(t)
	_, _, a := written(t, Source{Root: tree}, Options{})
	_, _, b := written(t, Source{Root: tree}, Options{Readers: 3, Workers: 1})
	if a.SHA256 != b.SHA256 || a.IndexSHA256 != b.IndexSHA256 {
		t.Errorf("the sums are %s %s and %s %s", a.SHA256, a.IndexSHA256, b.SHA256, b.IndexSHA256)
	}
}

// TestTarExtracts: nobody needs this program to get at the files.
func TestTarExtracts(t *testing.T) {
	tree := oddTree(t)
	for name, o := range kinds {
		t.Run(name, func(t *testing.T) {
			archive, _, _ := written(t, Source{Root: tree}, o)
			into := intoFolder(t)
			args := []string{"--xattrs", "--xattrs-include=*", "--acls", "-S", "-p", "-x", "-f", archive, "-C", into}
			switch o.Compression {
			case Zstd:
				args = append([]string{"--zstd"}, args...)
			case Gzip:
				args = append([]string{"-z"}, args...)
			}
			gnuTar(t, args...)
			same(t, into, tree)
		})
	}
}

// TestExtractsTar: archives that tar made are read too.
func TestExtractsTar(t *testing.T) {
	tree := oddTree(t)
	for name, args := range map[string][]string{
		"pax":  {"--format=pax", "--xattrs", "--acls", "-S"},
		"zstd": {"--format=pax", "--xattrs", "--acls", "-S", "--zstd"},
		"gzip": {"--format=pax", "--xattrs", "--acls", "-S", "-z"},
	} {
		t.Run(name, func(t *testing.T) {
			archive := filepath.Join(t.TempDir(), "a.tar")
			gnuTar(t, append(args, "-c", "-f", archive, "-C", tree, ".")...)
			into := intoFolder(t)
			_, err := Extract(context.Background(), archive, "", into, ExtractOptions{Owners: isRoot(), Devices: true})
			must(t, err)
			same(t, into, tree)
		})
	}
	t.Run("any order", func(t *testing.T) {
		archive := filepath.Join(t.TempDir(), "a.tar")
		gnuTar(t, "--format=pax", "-c", "-f", archive, "--no-recursion", "-C", tree,
			"folder/sub/exactly-a-sector", "plain.txt", "folder/just-small", "closed", "folder/sub", "folder/whole-chunks", "closed/read-only", "folder")
		into := intoFolder(t)
		_, err := Extract(context.Background(), archive, "", into, ExtractOptions{Owners: isRoot()})
		if !isRoot() {
			// A folder that is closed before its file comes.
			if err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("found %v, expected permission denied", err)
			}
			must(t, os.Chmod(filepath.Join(into, "closed"), 0o700))
			return
		}
		must(t, err)
		got, expected := describe(t, into), describe(t, tree)
		for _, name := range []string{"folder", "folder/sub", "closed", "closed/read-only"} {
			// Without --xattrs, and without the hard links' other names.
			g, _, _ := strings.Cut(got[name], " user.")
			e, _, _ := strings.Cut(expected[name], " user.")
			if g != e {
				t.Errorf("%s: found %s, expected %s", name, g, e)
			}
		}
	})
}

func gnuTar(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("tar", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func fileSum(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestOnly(t *testing.T) {
	tree := oddTree(t)
	archive, index, _ := written(t, Source{Root: tree}, Options{})
	for _, prefix := range []string{"folder", "sparse", "plain.txt", "zz-large-again", "zz-symlink-again", "none"} {
		t.Run(prefix, func(t *testing.T) {
			into := intoFolder(t)
			only := func(rel string) bool { return rel == prefix || strings.HasPrefix(rel, prefix+"/") }
			r, err := Extract(context.Background(), archive, index, into, ExtractOptions{Only: only, Owners: isRoot()})
			must(t, err)
			expected := describe(t, tree)
			for rel, got := range describe(t, into) {
				if rel == "." {
					continue
				}
				before, _, _ := strings.Cut(expected[rel], " is ")
				if g, _, _ := strings.Cut(got, " is "); g != before {
					t.Errorf("%s: found %s, expected %s", rel, g, before)
				}
				if !only(rel) {
					t.Errorf("%s was not asked for", rel)
				}
			}
			if prefix == "none" && r.Files+r.Dirs != 0 {
				t.Errorf("found %+v", r)
			}
		})
	}
	t.Run("every other", func(t *testing.T) {
		n := 0
		wanted := map[string]bool{}
		must(t, List(context.Background(), index, func(m Member) error {
			if m.Type == File {
				n++
				wanted[m.Path] = n%2 == 0
			}
			return nil
		}))
		into := intoFolder(t)
		_, err := Extract(context.Background(), archive, index, into, ExtractOptions{Only: func(rel string) bool { return wanted[rel] }})
		must(t, err)
		for rel, w := range wanted {
			_, err := os.Lstat(filepath.Join(into, rel))
			if (err == nil) != w {
				t.Errorf("%q: found %v, wanted %v", rel, err, w)
			}
		}
	})
}

func TestOpen(t *testing.T) {
	tree := oddTree(t)
	for name, o := range kinds {
		archive, index, _ := written(t, Source{Root: tree}, o)
		for _, path := range []string{"plain.txt", "folder/large", "zz-large-again", "sparse/middle", "bytes-\xff\xfe-\xe9", "empty", "zz-third-name"} {
			r, m, err := Open(context.Background(), archive, index, path)
			must(t, err)
			got, err := io.ReadAll(r)
			must(t, err)
			must(t, r.Close())
			expected, err := os.ReadFile(filepath.Join(tree, path))
			must(t, err)
			if string(got) != string(expected) {
				t.Errorf("%s: %q has %d bytes, expected %d", name, path, len(got), len(expected))
			}
			if sum := sha256.Sum256(expected); m.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%q has the sum %s", path, m.SHA256)
			}
		}
		// Left in the middle.
		r, _, err := Open(context.Background(), archive, index, "folder/large")
		must(t, err)
		_, err = r.Read(make([]byte, 10))
		must(t, err)
		must(t, r.Close())
		for path, expected := range map[string]string{"folder": "found a dir", "nothing": "is not in the archive", "symlink": "found a symlink"} {
			if _, _, err := Open(context.Background(), archive, index, path); err == nil || !strings.Contains(err.Error(), expected) {
				t.Errorf("%s: found %v, expected %s", path, err, expected)
			}
		}
	}
}

// intoFolder is one to extract the odd tree into.
func intoFolder(t testing.TB) string {
	t.Helper()
	into := t.TempDir()
	t.Cleanup(func() { os.Chmod(filepath.Join(into, "closed"), 0o700) }) //nolint:errcheck // for the clean-up
	return into
}
