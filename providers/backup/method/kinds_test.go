package method

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kinds are the methods, and what each of them loses.
func kinds(t *testing.T) []kind {
	t.Helper()
	restic := kind{name: "restic", programs: []string{"restic"}, loses: []string{losesSockets}, files: func(b *bench, s Stored) []string {
		return filesBelow(b.T, filepath.Join(b.o.Destination, "restic"))
	}}
	r := newRestic(Options{Runner: proc.New(proc.Options{}), Clock: clock.System{}})
	if v, err := r.version(context.Background()); err == nil {
		if v.LessThan(resticSparse) {
			restic.loses = append(restic.loses, losesSparseness)
		}
		if v.LessThan(resticRawLinks) {
			restic.loses = append(restic.loses, losesLinkBytes)
		}
	}
	// What the set's folder holds; the manifest is not the method's.
	inFolder := func(b *bench, s Stored) []string {
		return slices.DeleteFunc(filesBelow(b.T, s.Folder), func(n string) bool { return size(n) == 0 || filepath.Base(n) == "manifest.json" })
	}
	return []kind{
		restic,
		{name: "rsync", programs: []string{"rsync"}, files: inFolder},
		{
			name: "duplicity", programs: []string{"duplicity", "gpg"}, files: inFolder,
			loses: []string{losesSockets, losesHardLinks, losesSparseness, losesXattrs, losesDirXattrs, losesACLs, losesDirACLs, losesSubSecond, losesLinkTimes, losesBefore1970},
		},
		{
			name: "xfsdump", programs: []string{"xfsdump", "xfsrestore", "mkfs.xfs"}, files: inFolder, setup: xfsView,
			loses: []string{losesSubSecond, losesLinkTimes, losesBefore1970, losesAfter2038},
		},
		{name: "archive", loses: []string{losesSockets}, files: inFolder},
	}
}

func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kindNamed(t *testing.T, name string) kind {
	t.Helper()
	for _, k := range kinds(t) {
		if k.name == name {
			return k
		}
	}
	t.Fatalf("there is no method %s under test", name)
	return kind{}
}

// xfsView puts the data directory on an XFS of its own.
func xfsView(b *bench, root string) {
	b.Helper()
	if os.Geteuid() != 0 {
		b.Skip("only root can mount an XFS and dump it; scripts/test runs this as root")
	}
	image, mount := filepath.Join(root, "xfs.img"), filepath.Join(root, "an xfs")
	f, err := os.Create(image)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(f.Truncate(400<<20), f.Close(), os.Mkdir(mount, 0o755)); err != nil {
		b.Fatal(err)
	}
	run := func(name string, args ...string) error {
		_, err := b.o.Runner.Run(context.Background(), proc.Cmd{Path: name, Args: args})
		return err
	}
	mkfs, err := (&tool{name: "mkfs.xfs"}).find()
	if err != nil {
		b.Fatal(err)
	}
	if err := run(mkfs, "-q", image); err != nil {
		b.Fatal(err)
	}
	if err := run("mount", "-o", "loop", image, mount); err != nil {
		b.Skipf("no XFS can be mounted here: %v", err)
	}
	b.Cleanup(func() {
		if err := run("umount", mount); err != nil {
			b.Error(err)
		}
	})
	b.view = filepath.Join(mount, "instances", filepath.Base(b.view))
}
