package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// oddities are what a backup may lose: hard links, sparse files, attributes,
// ACLs, times below a second, names that are not UTF-8.
func oddities(t *testing.T, dir string) {
	t.Helper()
	odd := filepath.Join(dir, "managed_folders", "odd")
	write(t, odd, "plain", "x")
	write(t, odd, "with \xff\xfe bytes", "not UTF-8")
	write(t, odd, "-leading dash", "y")
	write(t, odd, strings.Repeat("long", 60), "a name of 240 bytes")
	write(t, odd, "empty", "")
	for _, err := range []error{
		os.Link(filepath.Join(odd, "plain"), filepath.Join(odd, "hard link")),
		os.Symlink("plain", filepath.Join(odd, "link")),
		os.Symlink("/nowhere/at all", filepath.Join(odd, "dangling")),
		os.Chmod(filepath.Join(odd, "empty"), 0o640),
		os.Mkdir(filepath.Join(odd, "sticky"), 0o700),
		os.Chmod(filepath.Join(odd, "sticky"), 0o1770),
		os.Chtimes(filepath.Join(odd, "plain"), time.Time{}, time.Unix(1234567890, 123456789)),
		os.Chtimes(filepath.Join(odd, "empty"), time.Time{}, time.Unix(-1000, 5)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	sparse, err := os.Create(filepath.Join(odd, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sparse.WriteAt([]byte("end"), 8<<20); err != nil {
		t.Fatal(err)
	}
	if err := sparse.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"setfattr", "-n", "user.note", "-v", "kept", filepath.Join(odd, "plain")},
		{"setfacl", "-m", "u:daemon:r", filepath.Join(odd, "empty")},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Logf("%v: %v: %s (the file system has none of that)", c, err, out)
		}
	}
	if err := os.Chtimes(odd, time.Time{}, time.Unix(1300000000, 7)); err != nil {
		t.Fatal(err)
	}
}

// sameTree compares names, bytes, modes, owners, times, links, hard links,
// attributes and ACLs, by rsync, which has no part in making the set.
func sameTree(t *testing.T, want, got string) {
	t.Helper()
	out, err := exec.Command("rsync", "-aHAXni", "--checksum", "--delete", "--modify-window=-1", want+"/", got+"/").CombinedOutput()
	if err != nil {
		t.Fatalf("rsync: %v\n%s", err, out)
	}
	if len(out) > 0 {
		t.Errorf("%s is not as %s:\n%s", got, want, out)
	}
}

// sameHoles compares what two trees take on disk.
func sameHoles(t *testing.T, want, got string) {
	t.Helper()
	var sizes [2]int64
	for i, dir := range []string{want, got} {
		out, err := exec.Command("du", "-s", "--block-size=1", dir).Output()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(out), &sizes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if sizes[1] > sizes[0]+4<<20 {
		t.Errorf("holes were filled: %d bytes on disk, and %d before", sizes[1], sizes[0])
	}
}

// A set made with a stop, while DSS writes all the time, is exactly the data
// directory as it was when DSS had stopped, also for plain tar.
func TestStopSetIsExactlyTheDataDirectory(t *testing.T) {
	t.Parallel()
	l := newLab(t, 81)
	l.install("design", dsskit.InstallOptions{RowsPerTable: 50})
	data := l.dss["design"].DataDir
	l.backupEstate("")
	l.run("apply", "-auto-approve").must(t, 0)
	l.stop("design")
	oddities(t, data)
	rows := l.rows("design")
	l.start("design")
	time.Sleep(time.Second) // it writes
	l.run("backup", "run", "-auto-approve").must(t, 0)
	out := filepath.Join(l.dir, "running")
	l.run("backup", "restore", "instance.design", "-auto-approve", "-to", out).must(t, 0)
	l.opensWith(out, rows)

	// Of a DSS that stays stopped, byte for byte.
	l.run("backup", "run", "-auto-approve").must(t, 0)
	out = filepath.Join(l.dir, "stopped")
	l.run("backup", "restore", "instance.design", "-auto-approve", "-to", out).must(t, 0)
	sameTree(t, data, out)
	sameHoles(t, data, out)
	plain := filepath.Join(l.dir, "tar")
	l.ok(os.Mkdir(plain, 0o700))
	cmd := exec.Command("tar", "--zstd", "--xattrs", "--acls", "-xpf", filepath.Join(l.sets()[0].Folder, "datadir.tar.zst"), "-C", plain)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	sameTree(t, data, plain)
	sameHoles(t, data, plain)
}

// opensWith opens the embedded databases of a restored data directory, which
// must hold at least so many rows. They open at the path that they are of only,
// so the original makes room for it.
func (l *lab) opensWith(dir string, rows int) {
	l.t.Helper()
	data := l.dss["design"].DataDir
	l.stop("design")
	l.ok(os.Rename(data, data+".original"))
	copyTree(l.t, dir, data)
	tables, err := l.dss["design"].Rows(context.Background())
	if err != nil {
		l.t.Fatalf("the restored databases do not open: %v", err)
	}
	if got := dsskit.Total(tables, ""); got < rows {
		l.t.Errorf("%d rows were restored, and there were %d before", got, rows)
	}
	l.ok(os.RemoveAll(data))
	l.ok(os.Rename(data+".original", data))
}

// onVolume is a folder on a file system that shares blocks; on Btrfs, a
// subvolume of its own.
func onVolume(t *testing.T, fs string) string {
	t.Helper()
	volume := os.Getenv("DSSCTL_TEST_" + strings.ToUpper(fs))
	if volume == "" {
		t.Skipf("no %s: make test mounts one when it is run by root", fs)
	}
	dir, err := os.MkdirTemp(volume, "lab-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if fs != "btrfs" {
		return dir
	}
	dir = filepath.Join(dir, "volume")
	if out, err := exec.Command("btrfs", "subvolume", "create", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// An account may empty a subvolume of its own and remove it like a folder.
	t.Cleanup(func() { _ = exec.Command("btrfs", "subvolume", "delete", dir).Run() })
	return dir
}

// A set made from a snapshot, DSS running and writing, opens clean and holds
// every row that was there before the snapshot. DSS is not stopped for it.
func TestSnapshotSet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ fs, body, held string }{
		{"btrfs", "consistency = \"snapshot\"", "auto snapshot"},
		{"btrfs", "consistency = \"stop\"", "btrfs snapshot"},
		{"xfs", "consistency = \"stop\"", "copy by reference"},
	} {
		t.Run(tc.fs+" "+tc.held, func(t *testing.T) {
			t.Parallel()
			volume := onVolume(t, tc.fs)
			l := newLab(t, 82)
			l.data = volume
			l.install("design", dsskit.InstallOptions{RowsPerTable: 50})
			l.backupEstate(tc.body)
			l.run("apply", "-auto-approve").must(t, 0)
			l.stop("design")
			rows := l.rows("design")
			l.start("design")
			time.Sleep(time.Second) // it writes
			o := l.run("backup", "run", "-auto-approve").must(t, 0)
			if !strings.Contains(o.stdout, tc.held) {
				t.Errorf("the view is not %q: %s", tc.held, o)
			}
			if stops := strings.Contains(o.stdout, "stop DSS"); stops != strings.Contains(tc.body, "stop") {
				t.Errorf("stopped: %v\n%s", stops, o)
			}
			out := filepath.Join(l.dir, "out")
			l.run("backup", "restore", "instance.design", "-auto-approve", "-to", out).must(t, 0)
			l.opensWith(out, rows)
			left, err := filepath.Glob(filepath.Join(l.dss["design"].DataDir+".dssctl", "still", "*", "*"))
			l.ok(err)
			if len(left) > 0 {
				t.Errorf("views were left: %v", left)
			}
		})
	}
}
