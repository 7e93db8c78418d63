package set

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/providers/backup/method"
)

const (
	first  = "20261124-061500-00a1"
	second = "20261125-061500-00a2"
)

// makeSet publishes a set with a manifest and one file.
func makeSet(t *testing.T, s Store, id string) Entry {
	t.Helper()
	part, err := s.Begin(id)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{Format: Format, ID: id, Time: time.Unix(1764051300, 0), Part: method.Part{Method: method.Archive, Files: 3}}
	if err := m.Write(part); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(part, "datadir.tar"), []byte("some bytes of "+id), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Seal(context.Background(), part, nil, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(id); err != nil {
		t.Fatal(err)
	}
	e, err := s.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ids(t *testing.T, s Store) []string {
	t.Helper()
	entries, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Broken == nil {
			out = append(out, e.ID)
		}
	}
	return out
}

func TestOnlyWhatIsPublishedIsListed(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	makeSet(t, s, first)
	if _, err := s.Begin(second); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s); len(got) != 1 || got[0] != first {
		t.Fatalf("listed: %v", got)
	}
	if err := s.Publish(first); err != nil {
		t.Errorf("publishing a second time: %v", err)
	}
	unfinished, err := s.Sweep("")
	if err != nil || len(unfinished) != 1 || unfinished[0] != second {
		t.Errorf("swept %v, %v", unfinished, err)
	}
	if _, err := os.Stat(s.Part(second)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished set is still there: %v", err)
	}
}

func TestSweepLeavesTheRunsOwnAndWhatIsNotOurs(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	if _, err := s.Begin(first); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(s.Dir, ".part-of-somebody")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(first); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.Part(first), own} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// A removal that broke off leaves nothing that looks like a set.
func TestRemovedSetIsGoneAtOnce(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	makeSet(t, s, first)
	gone := filepath.Join(s.Dir, gonePrefix+first)
	if err := os.Rename(s.Folder(first), gone); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s); len(got) != 0 {
		t.Errorf("a set that is being removed is listed: %v", got)
	}
	if err := s.Remove(first); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rest is still there: %v", err)
	}
}

func TestRemoveReadOnlyFolders(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	e := makeSet(t, s, first)
	locked := filepath.Join(e.Folder, "datadir", "locked")
	if err := os.MkdirAll(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(locked, "f"), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(first); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Every flipped bit of every file of a set is found.
func TestEveryFlippedBitIsFound(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	e := makeSet(t, s, first)
	files, err := os.ReadDir(e.Folder)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	check := func() error {
		e, err := s.Get(first)
		if err != nil {
			return err
		}
		return VerifyFiles(context.Background(), e, nil, func(int64) {})
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := filepath.Join(e.Folder, f.Name())
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if check() == nil {
				t.Fatalf("%s, byte %d: not found", f.Name(), i)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesMissingAndAddedAreFound(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	e := makeSet(t, s, first)
	extra := filepath.Join(e.Folder, "extra")
	if err := os.WriteFile(extra, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *method.DamageError
	if err := VerifyFiles(context.Background(), e, nil, func(int64) {}); !errors.As(err, &damage) {
		t.Errorf("an added file: %v", err)
	}
	if err := os.Remove(extra); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(e.Folder, "datadir.tar")); err != nil {
		t.Fatal(err)
	}
	if err := VerifyFiles(context.Background(), e, nil, func(int64) {}); !errors.As(err, &damage) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestDamagedSetDoesNotCount(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	makeSet(t, s, first)
	if err := s.Mark(first, Damaged, "block 7"); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s); len(got) != 0 {
		t.Errorf("listed: %v", got)
	}
	var damaged *StateError
	if _, err := s.Get(first); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "block 7") {
		t.Errorf("got %v", err)
	}
	if err := s.Unmark(first, Damaged); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s); len(got) != 1 {
		t.Errorf("listed: %v", got)
	}
}

func TestHostileManifests(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"no JSON":         "{",
		"newer format":    `{"format": 99, "id": "` + first + `", "datadir": {"method": "archive"}}`,
		"id is a path":    `{"format": 1, "id": "../../etc", "datadir": {"method": "archive"}}`,
		"no method":       `{"format": 1, "id": "` + first + `"}`,
		"negative size":   `{"format": 1, "id": "` + first + `", "datadir": {"method": "archive", "bytes": -1}}`,
		"huge number":     `{"format": 1, "id": "` + first + `", "datadir": {"method": "archive", "bytes": 1e999}}`,
		"needs a path":    `{"format": 1, "id": "` + first + `", "datadir": {"method": "archive", "needs": ["../x"]}}`,
		"not an object":   `[]`,
		"wrong type":      `{"format": 1, "id": 7}`,
		"another's in it": `{"format": 1, "id": "` + second + `", "datadir": {"method": "archive"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := Store{Dir: t.TempDir()}
			folder := s.Folder(first)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, ManifestName), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Seal(context.Background(), folder, nil, func(int64) {}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(first); err == nil {
				t.Error("it was taken for a set")
			}
		})
	}
	// A manifest or a file that leads elsewhere is none.
	s := Store{Dir: t.TempDir()}
	e := makeSet(t, s, first)
	if err := os.Remove(filepath.Join(e.Folder, ManifestName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(e.Folder, ManifestName)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(first); err == nil {
		t.Error("a manifest that is a link was followed")
	}
}

func TestIDsThatAreNone(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	for _, id := range []string{"", ".", "..", "a/b", "20261125-061500", "20261125-061500-00A1", first + "x"} {
		if ValidID(id) {
			t.Errorf("%q is taken for an id", id)
		}
		if _, err := s.Begin(id); err == nil {
			t.Errorf("%q: begun", id)
		}
		if err := s.Remove(id); err == nil {
			t.Errorf("%q: removed", id)
		}
		if err := s.Abandon(id); err == nil {
			t.Errorf("%q: abandoned", id)
		}
	}
}

func TestDestinationOfSomebodyElse(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "backups")}
	mine := Owner{Instance: "instance.design", Backup: "nightly", DataDir: "/data/design", Host: "here"}
	if err := s.Claim(mine); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(mine); err != nil {
		t.Errorf("a second time: %v", err)
	}
	moved := mine
	moved.Instance = `module.node["a"].instance.design`
	if err := s.Claim(moved); err != nil {
		t.Errorf("under another address: %v", err)
	}
	if o, err := s.Owner(); err != nil || *o != moved {
		t.Errorf("owner: %+v, %v", o, err)
	}
	other := mine
	other.Backup = "weekly"
	var owned *OwnerError
	if err := s.Claim(other); !errors.As(err, &owned) {
		t.Errorf("got %v", err)
	}
	if err := s.CheckOwner(other); !errors.As(err, &owned) {
		t.Errorf("got %v", err)
	}
	// A volume that is not mounted is not made up for.
	if err := (Store{Dir: filepath.Join(s.Dir, "a", "b")}).Claim(mine); err == nil {
		t.Error("a folder was made above the destination")
	}
}
