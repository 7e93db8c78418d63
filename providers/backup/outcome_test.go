package backup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/pg"
)

const checking = "20261125-061500-0001"

// A restore test passes for links of all kinds, hard links, pipes and sockets,
// with each method that needs no root.
func TestRestoreTestOfADataDirectoryAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{method.Archive, method.Rsync, method.Duplicity, method.Restic} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, name)
			r.needs(name)
			r.link("lost", "/nothing/there")
			if err := unix.Mkfifo(r.in.Path("pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mknod(r.in.Path("socket"), unix.S_IFSOCK|0o600, 0); err != nil {
				t.Fatal(err)
			}
			id, err := r.run()
			if err != nil {
				t.Fatal(err)
			}
			if err := r.do(KindRestoreTest, checking, withSets(r.a, id)); err != nil {
				t.Error(err)
			}
			if e := r.get(id); e.Broken != nil {
				t.Error(e.Broken)
			}
			if left, err := os.ReadDir(filepath.Join(r.in.Companion(), "restore-test")); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// A restore test that fails marks the set, which does not count from then on;
// one that passes takes that back.
func TestFailedRestoreTestMarksTheSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	older, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	path := r.in.Path("databases/audit.mv.db")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.write(path, "not a database at all")
	bad, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	err = r.do(KindRestoreTest, checking, withSets(r.a, bad))
	if err == nil || !strings.Contains(err.Error(), "does not begin as an H2 database") {
		t.Fatalf("the test: %v", err)
	}
	e := r.get(bad)
	if e.State() != set.RestoreFailed || !strings.Contains(e.Broken.Error(), "H2") {
		t.Errorf("state: %v, %v", e.State(), e.Broken)
	}
	entries, err := r.store().List()
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	seen := &observed{Sets: entries}
	if n := seen.newest(now.AddDate(10, 0, 0)); n == nil || n.ID != older {
		t.Errorf("the newest is %v", n)
	}
	if all := retained(entries); all[0].ID != bad || all[0].State == all[1].State {
		t.Errorf("retention sees %v", all)
	}
	// A verification proves that it is what was written, and no more.
	if err := r.do(KindVerify, checking, withSets(r.a, bad)); err != nil {
		t.Error(err)
	}
	if e := r.get(bad); e.State() != set.RestoreFailed {
		t.Errorf("after a verification: %v", e.State())
	}
	r.write(path, string(good))
	if err := r.store().Mark(older, set.RestoreFailed, "a full disk, long ago"); err != nil {
		t.Fatal(err)
	}
	if err := r.do(KindRestoreTest, checking, withSets(r.a, older)); err != nil {
		t.Error(err)
	}
	if e := r.get(older); e.State() != set.Good {
		t.Errorf("after a test that passed: %v", e.Broken)
	}
}

// What keeps a set from being looked at says nothing of the set: it is not
// marked, and nobody is advised to remove it.
func TestWhatCannotBeVerifiedIsNotDamaged(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Rsync)
	id, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	folder := r.store().Folder(id)
	for name, closed := range map[string]string{
		"the set's index": "datadir.index.gz", "its checksums": set.SumsName, "its manifest": set.ManifestName,
	} {
		path := filepath.Join(folder, closed)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []plan.Kind{KindVerify, KindRestoreTest} {
			err := r.do(kind, checking, withSets(r.a, id))
			if err == nil || !strings.Contains(err.Error(), "says nothing of the set itself") || strings.Contains(err.Error(), " damaged") {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
		if closed != "datadir.index.gz" {
			entries, err := r.store().List()
			if err != nil || len(entries) != 1 || entries[0].State() != set.Unknown {
				t.Errorf("listed: %v, %v", entries, err)
			}
			if ids := decide(entries, policyKeepingOne, nil, now); len(ids) > 0 {
				t.Errorf("retention lets go %v", ids)
			}
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if e := r.get(id); e.State() != set.Good {
			t.Errorf("%s: %v", name, e.Broken)
		}
	}
	if err := r.do(KindVerify, checking, withSets(r.a, id)); err != nil {
		t.Error(err)
	}
}

// A dump that needs a newer pg_restore than the one here.
func TestDumpOfANewerPostgreSQL(t *testing.T) {
	t.Parallel()
	r := newRig(t, method.Archive)
	id, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	dump := []byte("PGDMP of tomorrow")
	r.write(filepath.Join(r.store().Folder(id), set.DumpName), string(dump))
	e := r.get(id)
	info := pg.DumpInfo{Tool: "pg_dump 99.1", Bytes: int64(len(dump)), SHA256: sumOf(dump)}
	raw, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	e.Manifest.Database = &set.Database{Host: "pg", Dump: raw}
	for _, err := range []error{e.Manifest.Write(e.Folder), set.Seal(t.Context(), e.Folder, nil, func(int64) {})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []plan.Kind{KindVerify, KindRestoreTest} {
		err := r.do(kind, checking, withSets(r.a, id))
		if err == nil || !strings.Contains(err.Error(), "says nothing of the set itself") || !strings.Contains(err.Error(), "pg_restore") || strings.Contains(err.Error(), " damaged") {
			t.Errorf("%s: %v", kind, err)
		}
		if e := r.get(id); e.State() != set.Good {
			t.Errorf("%s marked the set: %v", kind, e.Broken)
		}
	}
	// The same dump with another byte is damaged, whoever looks.
	r.write(filepath.Join(e.Folder, set.DumpName), "PGDMP of tomorrov")
	if err := r.do(KindVerify, checking, withSets(r.a, id)); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("another byte: %v", err)
	}
	if e := r.get(id); e.State() != set.Damaged {
		t.Errorf("state: %v", e.State())
	}
}
