// Package method is how the bytes of a data directory are kept: one contract,
// and a way to keep it by each program. A method is given a still view of the
// data directory and a set's unfinished folder; what it writes there, and what
// it keeps in a repository of its own, is the data directory's part of that set.
// It knows nothing of plans, of DSS's service, or of which sets are kept.
package method

import (
	"context"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// Method keeps data directories. Every method may be called again after a crash
// at any point of it.
type Method interface {
	// Name is what `method` says: "archive".
	Name() string
	// Check looks whether the method can work at all: its program is there and
	// new enough, its destination and repository can be used. It changes
	// nothing. The error says what to install or to change.
	Check(ctx context.Context) error
	// Prepare makes what has to be there before the first set, such as a
	// repository, and clears what dead runs left in its way, such as stale locks.
	Prepare(ctx context.Context) error
	// Warm brings over, while DSS runs, what Save will then find done: the
	// stop gets shorter. A method without a first pass does nothing.
	Warm(ctx context.Context, j Job) error
	// Save keeps the view. It may find what Warm or a broken-off Save left.
	Save(ctx context.Context, j Job) (Part, error)
	// Seal keeps the set's folder itself (manifest, dump of PostgreSQL) where
	// the part is kept, so that the set outlives this machine. A method whose
	// part lies in the folder does nothing.
	Seal(ctx context.Context, j Job, p Part) error
	// Verify reads what was kept: the whole of it, or with quick what is known
	// without reading all data. The error is a *DamageError when something is
	// not as it was written.
	Verify(ctx context.Context, s Stored, quick bool) error
	// Holds looks into what was kept, and returns those of the names that are not
	// there as what they must be: "install.ini" as a file, "config/" as a folder.
	// A link is neither.
	Holds(ctx context.Context, s Stored, names []string) (missing []string, err error)
	// Restore writes the kept data directory below into, which is an empty
	// folder, or one that a broken-off Restore of the same set left.
	Restore(ctx context.Context, s Stored, into string, sel Selection) error
	// Forget removes what the method keeps of these sets outside of their
	// folders. It is told before the folders go.
	Forget(ctx context.Context, sets []Stored) error
	// Rescan returns the folders of sealed sets that are in the repository,
	// each unpacked below into, for when the destination is lost; nil for a
	// method without a repository.
	Rescan(ctx context.Context, into string) ([]string, error)
}

// Clearer is a method whose runs can leave, when they fail, what no set needs and
// what the removal of sets does not find.
type Clearer interface {
	// Unneeded reports whether there may be such. It is quick.
	Unneeded() bool
	// Clear removes it; where there is none, it does nothing.
	Clear(ctx context.Context) error
}

// Job is one set on its way.
type Job struct {
	// Set is the set's id, safe as the name of a folder, a tag and a snapshot.
	Set string
	// Time is the set's time.
	Time time.Time
	// Folder is the set's unfinished folder; the method may write below
	// Folder/datadir*.
	Folder string
	// View is where the data directory is read: itself, a snapshot, a copy.
	// DataDir is what it is of.
	View, DataDir string
	// Rules say what is left out.
	Rules exclude.Rules
	// Live says that files change meanwhile: what changes or vanishes is
	// reported in the Part; otherwise it is an error.
	Live bool
	// Previous is the newest good set of the same method and destination; nil
	// for the first.
	Previous *Stored
}

// Stored is a set that is there.
type Stored struct {
	Set    string
	Time   time.Time
	Folder string
	Part   Part
}

// Part says in a set's manifest what the method keeps of it.
type Part struct {
	Method string `json:"method"`
	// Tool is the program that wrote it, with its version: "restic 0.14.0".
	Tool string `json:"tool"`
	// Repository and Ref tell where the bytes are when they are not in the
	// set's folder: a repository without any secret, and a name in it.
	Repository string `json:"repository,omitempty"`
	Ref        string `json:"ref,omitempty"`
	// Needs are the ids of the sets without which this one cannot be restored.
	Needs []string `json:"needs,omitempty"`
	// Files, Folders and Bytes are what was read, Stored what it takes (of an
	// incremental method: what was added). Names is how many names a restore
	// brings back beside the folders: files, more names of the same file, links,
	// pipes; 0 where the method does not tell, as older sets do not.
	Files   int64 `json:"files"`
	Folders int64 `json:"folders"`
	Bytes   int64 `json:"bytes"`
	Stored  int64 `json:"stored"`
	Names   int64 `json:"names,omitempty"`
	// SHA256 of the method's main file, where it has one.
	SHA256 string `json:"sha256,omitempty"`
	// IndexSHA256 is that of an archive's index.
	IndexSHA256 string `json:"index_sha256,omitempty"`
	// Changed are files that changed or vanished while they were read (live
	// only), the first of them by name.
	Changed      []string `json:"changed,omitempty"`
	ChangedTotal int64    `json:"changed_total,omitempty"`
	// LeftOut are names that cannot be kept, such as sockets.
	LeftOut []string `json:"left_out,omitempty"`
	// Followed are links that were kept as what they lead to.
	Followed []string `json:"followed,omitempty"`
}

// Restored is how many names a restore brings back beside folders and sockets, as
// far as the set tells: some older ones counted sockets, which not all methods
// keep.
func (p Part) Restored() (names int64, known bool) {
	if p.Names > 0 {
		return p.Names, true
	}
	return p.Files, p.Method == Archive || p.Method == Restic
}

// Selection is what a restore takes out; the zero value is everything.
type Selection struct {
	// Paths are slash-separated, relative to the data directory; a folder is
	// taken with all that is below it.
	Paths []string
}

// Options are what every method is made with.
type Options struct {
	// DataDir is what the sets will be of, and Rules what will be left out: some
	// methods can do that only for some, which Check tells. A Job says it anew.
	DataDir string
	Rules   exclude.Rules
	// Destination is the folder of the sets.
	Destination string
	// Repository is where a method with a repository keeps it, in the
	// program's own words ("s3:…", "sftp:…", a folder); "" for a folder below
	// the destination.
	Repository string
	// Password of the repository; "" for none.
	Password string
	// Environment is added to the program's, such as the keys of an object
	// store; its values are secrets.
	Environment map[string]string
	// Compression is that of method archive: "zstd", "gzip" or "none".
	Compression string
	// Sudo is put in front of what needs root; empty where nothing may be.
	Sudo []string

	Runner   proc.Runner
	Clock    clock.Clock
	Redactor *secret.Redactor
	Progress func(event.Progress) // never nil
	Notice   func(string)         // never nil
}

// DamageError says that what is kept is not what was written.
type DamageError struct {
	Set   string
	What  string // "datadir.tar.zst, block 17"
	Found string // "its checksum is …, written was …"
}

func (e *DamageError) Error() string {
	return "set " + e.Set + " is damaged: " + e.What + ": " + e.Found
}

// IncompleteError says that a set lacks what every set must hold.
type IncompleteError struct {
	Set     string
	Missing []string
}

func (e *IncompleteError) Error() string { return "set " + e.Set + " is incomplete: " + e.Why() }

// Why is the error without the set's name.
func (e *IncompleteError) Why() string { return "it does not hold " + strings.Join(e.Missing, ", ") }

// MissingError says that a program is not there, or is too old.
type MissingError struct {
	Program  string
	Found    string // its version, "" when it is not there
	Expected string // ">= 0.14"
	Hint     string // "apt-get install restic"
}

func (e *MissingError) Error() string {
	s := "the program " + e.Program + " is needed"
	if e.Expected != "" {
		s += " (" + e.Expected + ")"
	}
	if e.Found == "" {
		s += " and was not found on the PATH"
	} else {
		s += " and version " + e.Found + " was found"
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}
