package method

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	goversion "github.com/hashicorp/go-version"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// restic keeps data directories with the program restic: deduplicated,
// encrypted, in a folder or at any place that restic knows.
//
// The data directory is backed up as "." with the view as the current folder,
// so that no snapshot holds a path of this machine: one taken of a volume's
// snapshot and one of the live folder compare, and restore anywhere. What "."
// does not keep, the folder's own mode, owner and times, is in rootName.
//
// The repository and its password are given by the environment, which the
// kernel shows to the account itself and to root alone, unlike arguments. A
// file would have to be written, and found again by whoever cleans up after a
// kill; the keys of an object store go by the environment anyway.
type restic struct {
	tool
	repository string
	folder     string // of the repository; "" when it is not a folder here
}

const (
	tagOurs    = "dssctl"
	tagSet     = "set:"
	kindData   = "kind:data"   // a data directory
	kindWarm   = "kind:warm"   // the same, taken before the stop
	kindFolder = "kind:folder" // a set's folder
)

func newRestic(o Options) *restic {
	r := &restic{repository: o.Repository}
	if r.repository == "" {
		r.repository = filepath.Join(o.Destination, "restic")
	}
	if rest, ok := strings.CutPrefix(r.repository, "local:"); ok || !remote.MatchString(r.repository) {
		r.folder = rest
	}
	r.tool = tool{
		o: o, name: "restic", least: "0.14", ask: []string{"version"}, install: "apt-get install restic",
		secrets: []string{o.Password},
		env: []string{
			"RESTIC_REPOSITORY=" + r.repository, "RESTIC_PASSWORD=" + o.Password, "RESTIC_PROGRESS_FPS=2",
			// What the account has set for repositories of its own.
			"RESTIC_REPOSITORY_FILE=", "RESTIC_PASSWORD_FILE=", "RESTIC_PASSWORD_COMMAND=", "RESTIC_KEY_HINT=",
		},
	}
	if u, err := url.Parse(strings.TrimPrefix(r.repository, "rest:")); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok {
			r.secrets = append(r.secrets, p)
		}
	}
	for _, k := range slices.Sorted(mapKeys(o.Environment)) {
		r.env = append(r.env, k+"="+o.Environment[k])
		r.secrets = append(r.secrets, o.Environment[k])
	}
	return r
}

// remote begins a repository that is not a folder: "s3:", "sftp:".
var remote = lazyregexp.New(`^[a-z][a-z0-9]*:`)

// Name implements Method.
func (r *restic) Name() string { return Restic }

// Check implements Method.
func (r *restic) Check(ctx context.Context) error {
	if r.o.Password == "" {
		return errors.New("the method restic needs a password: restic encrypts always; set `password` of the backup's repository")
	}
	if strings.ContainsAny(r.o.Password, "\x00\n\r") {
		return errors.New("the password of the restic repository has a line break or a NUL in it, which no environment can carry")
	}
	if err := checkDestination(r.o.Destination); err != nil {
		return err
	}
	if r.folder != "" {
		if !filepath.IsAbs(r.folder) {
			return fmt.Errorf("the restic repository %s is no absolute path and nothing like \"s3:…\" or \"sftp:…\"", r.folder)
		}
		// A repository must not be begun anew below an empty mount point.
		if err := checkDestination(filepath.Dir(r.folder)); err != nil {
			return fmt.Errorf("look at the folder of the restic repository: %w", err)
		}
	}
	if _, err := r.version(ctx); err != nil {
		return err
	}
	err := r.open(ctx)
	if errors.Is(err, errNoRepository) {
		return nil // Prepare makes it
	}
	return err
}

// Prepare implements Method.
func (r *restic) Prepare(ctx context.Context) error {
	switch err := r.open(ctx); {
	case errors.Is(err, errNoRepository):
		if err := r.clearHalfMade(); err != nil {
			return fmt.Errorf("make the restic repository %s: %w", r.shown(), err)
		}
		if _, err := r.restic(ctx, "make the repository", proc.Cmd{Args: []string{"init"}}); err != nil {
			return err
		}
		r.o.Notice("made the restic repository " + r.shown() + "; without its password nobody can read it")
		return nil
	case err != nil:
		return err
	}
	// Without force: locks of processes that live, here or elsewhere, stay.
	if _, err := r.restic(ctx, "remove stale locks", proc.Cmd{Args: []string{"unlock"}}); err != nil {
		return err
	}
	err := r.Clear(ctx)
	var exit *resticError
	if errors.As(err, &exit) {
		if holder, held := exit.holder(); held {
			r.o.Notice("what broken-off runs left in the restic repository is removed later, for it is locked by " + holder)
			return nil
		}
	}
	return err
}

// open reads the repository's configuration, which tells whether it is there
// and whether the password is right.
func (r *restic) open(ctx context.Context) error {
	_, err := r.restic(ctx, "open the repository", proc.Cmd{Args: []string{"cat", "config", "--no-lock", "--json"}})
	return err
}

// clearHalfMade removes the key of an init that was killed: restic would find
// that it fits the password, and that it opens nothing.
func (r *restic) clearHalfMade() error {
	if r.folder == "" {
		return nil
	}
	for _, name := range []string{"config", "snapshots/*", "index/*", "data/??/*"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(r.folder), name))
		if err != nil || len(found) > 0 {
			return err
		}
	}
	keys, err := os.ReadDir(filepath.Join(r.folder, "keys"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, k := range keys {
		err = errors.Join(err, os.Remove(filepath.Join(r.folder, "keys", k.Name())))
	}
	return err
}

// Warm implements Method: a snapshot that Save builds on and Seal forgets.
func (r *restic) Warm(ctx context.Context, j Job) error {
	// DSS runs: what vanishes now, Save sees.
	j.Live = true
	if err := r.begun(j.Set); err != nil {
		return err
	}
	done, err := r.backup(ctx, j, kindWarm, r.parent(j))
	if done.ID == "" {
		return err
	}
	if errFile := os.WriteFile(filepath.Join(j.Folder, resticWarm), []byte(done.ID), 0o600); errFile != nil {
		return fmt.Errorf("remember the first pass: %w", errFile)
	}
	// What cannot be read now cannot be read once DSS is stopped either.
	return err
}

// resticWarm holds the id of the first pass's snapshot.
const resticWarm = "datadir.warm"

// parent is what Save compares with; "" leaves it to restic, which takes the
// newest of the same path.
func (r *restic) parent(j Job) string {
	if id, err := os.ReadFile(filepath.Join(j.Folder, resticWarm)); err == nil && len(id) > 0 {
		return string(id)
	}
	if j.Previous != nil {
		return j.Previous.Part.Ref
	}
	return ""
}

// Save implements Method.
func (r *restic) Save(ctx context.Context, j Job) (Part, error) {
	v, err := r.version(ctx)
	if err != nil {
		return Part{}, err
	}
	if err := saveRoot(j.View, j.Folder); err != nil {
		return Part{}, fmt.Errorf("back up %s: %w", j.View, err)
	}
	if err := r.begun(j.Set); err != nil {
		return Part{}, err
	}
	began := r.o.Clock.Now()
	done, err := r.backup(ctx, j, kindData, r.parent(j))
	if err != nil {
		return Part{}, err
	}
	p := Part{
		Method: r.Name(), Tool: r.named(v), Repository: r.shown(), Ref: done.ID,
		Files: done.Files, Folders: done.Folders + 1, Bytes: done.Bytes, Stored: done.Added,
	}
	p.Changed, p.ChangedTotal = done.vanished.names, done.vanished.total
	if err := removeFile(filepath.Join(j.Folder, resticWarm)); err != nil {
		return Part{}, err
	}
	if j.Live {
		// restic does not tell that a file changed while it was read.
		counted := Part{Changed: p.Changed, ChangedTotal: p.ChangedTotal}
		if err := survey(ctx, j, began, &counted); err != nil {
			return Part{}, fmt.Errorf("back up %s: %w", j.View, err)
		}
		p.Changed, p.ChangedTotal = counted.Changed, counted.ChangedTotal
	}
	return p, nil
}

// Seal implements Method.
func (r *restic) Seal(ctx context.Context, j Job, p Part) error {
	doing := "keep the folder of set " + j.Set
	args := append([]string{"backup", "--json"}, r.tags(j, kindFolder)...)
	if _, err := r.restic(ctx, doing, proc.Cmd{Args: append(args, "."), Dir: j.Folder}); err != nil {
		return err
	}
	// The first pass, and what broken-off runs of this set left, are not
	// needed any more; the space is taken back by the next Forget.
	found, err := r.snapshots(ctx, tagSet+j.Set)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(s resticSnapshot) bool {
		return slices.Contains(s.Tags, kindFolder) || strings.HasPrefix(s.ID, p.Ref)
	})
	if len(found) > 0 {
		if _, err := r.restic(ctx, "forget the first pass", proc.Cmd{Args: append([]string{"forget"}, ids(found)...)}); err != nil {
			return err
		}
	}
	return r.ended(j.Set)
}

// tags are the arguments that mark a snapshot of ours.
func (r *restic) tags(j Job, kind string) []string {
	return []string{
		"--tag", tagOurs + "," + tagSet + j.Set + "," + kind,
		"--time", j.Time.Local().Format(time.DateTime),
	}
}

// resticSnapshot is a line of `restic snapshots --json`.
type resticSnapshot struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Tags []string  `json:"tags"`
}

func (s resticSnapshot) set() string {
	for _, t := range s.Tags {
		if id, ok := strings.CutPrefix(t, tagSet); ok {
			return id
		}
	}
	return ""
}

func ids(list []resticSnapshot) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.ID
	}
	return out
}

// snapshots lists those of ours that have all the tags.
func (r *restic) snapshots(ctx context.Context, tags ...string) ([]resticSnapshot, error) {
	doing := "list the snapshots"
	f, err := os.CreateTemp("", "dssctl-restic-")
	if err != nil {
		return nil, fmt.Errorf("%s of the restic repository %s: %w", doing, r.shown(), err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	_, err = r.reading(ctx, doing, proc.Cmd{
		Args:   []string{"snapshots", "--json", "--tag", strings.Join(append([]string{tagOurs}, tags...), ",")},
		Stdout: f,
	})
	if err != nil {
		return nil, err
	}
	var all []resticSnapshot
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(f).Decode(&all); err != nil {
		return nil, fmt.Errorf("%s of the restic repository %s: its answer cannot be read: %w", doing, r.shown(), err)
	}
	return all, nil
}

// find returns the set's snapshot.
func (r *restic) find(ctx context.Context, s Stored) (string, error) {
	found, err := r.snapshots(ctx, tagSet+s.Set, kindData)
	if err != nil {
		return "", err
	}
	for _, snapshot := range found {
		if s.Part.Ref != "" && strings.HasPrefix(snapshot.ID, s.Part.Ref) {
			return snapshot.ID, nil
		}
	}
	return "", &DamageError{Set: s.Set, What: "snapshot " + s.Part.Ref, Found: "it is not in the restic repository " + r.shown()}
}

// Verify implements Method. restic checks its repository as a whole; a
// snapshot's id is the hash of all that is in it, so that a snapshot that is
// there, in a repository that is whole, is the one that was written.
func (r *restic) Verify(ctx context.Context, s Stored, quick bool) error {
	if err := r.checkKeys(s.Set); err != nil {
		return err
	}
	args := []string{"check"}
	if !quick {
		args = append(args, "--read-data")
	}
	if _, err := r.reading(ctx, "verify set "+s.Set, proc.Cmd{Args: args}); err != nil {
		return damaged(err, s.Set)
	}
	_, err := r.find(ctx, s)
	return damaged(err, s.Set)
}

// Holds implements Method.
func (r *restic) Holds(ctx context.Context, s Stored, names []string) ([]string, error) {
	w := newWanted(names)
	dirs := map[string]bool{}
	for _, name := range names {
		dirs[path.Dir("/"+strings.TrimSuffix(name, "/"))] = true
	}
	args := append([]string{"ls", "--json", s.Part.Ref}, slices.Sorted(mapKeys(dirs))...)
	_, err := r.reading(ctx, "look into set "+s.Set, proc.Cmd{Args: args, Line: func(line string) {
		var node struct {
			Path string `json:"path"`
			Type string `json:"type"`
		}
		if json.Unmarshal([]byte(line), &node) != nil {
			return
		}
		kind := node.Type
		if kind == "dir" {
			kind = "folder"
		}
		w.saw(strings.TrimPrefix(node.Path, "/"), kind)
	}})
	if err != nil {
		return nil, damaged(err, s.Set)
	}
	return w.missing(), nil
}

// Restore implements Method.
func (r *restic) Restore(ctx context.Context, s Stored, into string, sel Selection) error {
	paths, err := sel.clean()
	if err != nil {
		return err
	}
	v, err := r.version(ctx)
	if err != nil {
		return err
	}
	id, err := r.find(ctx, s)
	if err != nil {
		return err
	}
	if err := beginRestore(into, s.Set); err != nil {
		return err
	}
	args := []string{"restore", "--target", into}
	if v.GreaterThanOrEqual(resticSparse) {
		args = append(args, "--sparse")
	}
	c := proc.Cmd{}
	if v.GreaterThanOrEqual(resticRestoreJSON) {
		args = append(args, "--json")
		c.Line = func(line string) { r.tell(line, &resticDone{}) }
	}
	for _, p := range paths {
		args = append(args, "--include", "/"+escapeGlob(p))
	}
	args = append(args, id)
	c.Args = args
	if _, err := r.reading(ctx, "restore set "+s.Set+" into "+into, c); err != nil {
		return damaged(err, s.Set)
	}
	if err := endRestore(into, s.Set, paths); err != nil || len(paths) > 0 {
		return err
	}
	if err := restoreRoot(s.Folder, into); err != nil {
		return fmt.Errorf("restore the folder %s itself: %w", into, err)
	}
	return nil
}

// What newer versions can do.
var (
	resticSparse      = goversion.Must(goversion.NewVersion("0.15"))
	resticRawLinks    = goversion.Must(goversion.NewVersion("0.16")) // targets that are not UTF-8
	resticRestoreJSON = goversion.Must(goversion.NewVersion("0.16.1"))
)

// Forget implements Method. The sets' folders' snapshots go too.
func (r *restic) Forget(ctx context.Context, sets []Stored) error {
	if len(sets) == 0 {
		return nil
	}
	gone := map[string]bool{}
	for _, s := range sets {
		gone[s.Set] = true
	}
	all, err := r.snapshots(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s resticSnapshot) bool { return !gone[s.set()] })
	if len(all) > 0 {
		if _, err := r.restic(ctx, "forget snapshots", proc.Cmd{Args: append([]string{"forget"}, ids(all)...)}); err != nil {
			return err
		}
	}
	// Also when nothing was forgotten now: a run that died in between has
	// forgotten, and not pruned.
	if _, err = r.restic(ctx, "give back the space of forgotten snapshots", proc.Cmd{Args: []string{"prune"}, Line: func(string) {}}); err != nil {
		return err
	}
	for _, s := range sets {
		if err := r.ended(s.Set); err != nil {
			return err
		}
	}
	return nil
}

// Rescan implements Method.
func (r *restic) Rescan(ctx context.Context, into string) ([]string, error) {
	found, err := r.snapshots(ctx, kindFolder)
	if err != nil {
		return nil, err
	}
	newest := map[string]string{}
	slices.SortStableFunc(found, func(a, b resticSnapshot) int { return a.Time.Compare(b.Time) })
	for _, s := range found {
		newest[s.set()] = s.ID
	}
	out := []string{}
	for _, set := range slices.Sorted(mapKeys(newest)) {
		if set == "" || set != filepath.Base(set) || strings.HasPrefix(set, ".") {
			return nil, fmt.Errorf("look for sets in the restic repository %s: a snapshot is tagged with the set %q, which is no name of a folder", r.shown(), set)
		}
		dir := filepath.Join(into, set)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("look for sets in the restic repository %s: %w", r.shown(), err)
		}
		if _, err := r.reading(ctx, "fetch the folder of set "+set, proc.Cmd{Args: []string{"restore", "--target", dir, newest[set]}}); err != nil {
			return nil, damaged(err, set)
		}
		out = append(out, dir)
	}
	return out, nil
}

// tell turns a line of restic's into progress, and keeps what it says at last.
func (r *restic) tell(line string, done *resticDone) {
	var m resticMessage
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &m) != nil {
		return
	}
	switch m.Type {
	case "status":
		r.o.Progress(event.Progress{
			Done: max(m.BytesDone, m.BytesRestored), Total: m.TotalBytes, Unit: "bytes", Files: max(m.FilesDone, m.FilesRestored),
		})
	case "error":
		done.failed = append(done.failed, m.Item)
	case "summary":
		done.ID, done.Files, done.Bytes, done.Added = m.Snapshot, m.Files, m.Bytes, m.Added
		done.Folders = m.FoldersNew + m.FoldersChanged + m.FoldersSame
		// A short run has no status.
		if bytes, files := max(m.Bytes, m.BytesRestored), max(m.Files, m.FilesRestored); files > 0 {
			r.o.Progress(event.Progress{Done: bytes, Total: bytes, Unit: "bytes", Files: files})
		}
	}
}
