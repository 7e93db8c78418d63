package method

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// resticMessage is a line of restic's --json.
type resticMessage struct {
	Type           string `json:"message_type"`
	TotalFiles     int64  `json:"total_files"`
	FilesDone      int64  `json:"files_done"`
	FilesRestored  int64  `json:"files_restored"`
	TotalBytes     int64  `json:"total_bytes"`
	BytesDone      int64  `json:"bytes_done"`
	BytesRestored  int64  `json:"bytes_restored"`
	Item           string `json:"item"`
	Snapshot       string `json:"snapshot_id"`
	Files          int64  `json:"total_files_processed"`
	Bytes          int64  `json:"total_bytes_processed"`
	Added          int64  `json:"data_added"`
	FoldersNew     int64  `json:"dirs_new"`
	FoldersChanged int64  `json:"dirs_changed"`
	FoldersSame    int64  `json:"dirs_unmodified"`
}

// resticDone is what a backup says at its end.
type resticDone struct {
	ID                           string
	Files, Folders, Bytes, Added int64

	failed   []string // paths that restic could not read
	vanished changes
}

// backup makes a snapshot of the view.
func (r *restic) backup(ctx context.Context, j Job, kind, parent string) (resticDone, error) {
	doing := "back up " + j.View
	var done resticDone
	view, err := filepath.EvalSymlinks(j.View)
	if err != nil {
		return done, fmt.Errorf("%s: %w", doing, err)
	}
	args := append([]string{"backup", "--json", "--one-file-system"}, r.tags(j, kind)...)
	if parent != "" {
		args = append(args, "--parent", parent)
	}
	list := filepath.Join(j.Folder, "datadir.exclude")
	defer os.Remove(list)
	without, err := resticExcludes(j.Rules, view, list)
	if err != nil {
		return done, fmt.Errorf("%s: %w", doing, err)
	}
	args = append(append(args, without...), ".")
	_, err = r.restic(ctx, doing, proc.Cmd{Args: args, Dir: view, Line: func(l string) { r.tell(l, &done) }})
	var exit *resticError
	switch {
	case parent != "" && errors.As(err, &exit) && noParent.MatchString(exit.said):
		// It was forgotten by somebody else; without it, all is read again.
		return r.backup(ctx, j, kind, "")
	case errors.As(err, &exit) && exit.code == 3 && done.ID != "":
		return done, r.unread(doing, view, j.Live, &done)
	case err != nil:
		return done, err
	case done.ID == "":
		return done, fmt.Errorf("%s: restic ended well and named no snapshot", doing)
	}
	return done, nil
}

// unread tells files that vanished, which a live data directory's do, from
// those that cannot be read.
func (r *restic) unread(doing, view string, live bool, done *resticDone) error {
	slices.Sort(done.failed)
	var bad []string
	for _, item := range slices.Compact(done.failed) {
		p := item
		if !filepath.IsAbs(p) {
			p = filepath.Join(view, p)
		}
		rel, err := filepath.Rel(view, p)
		if err != nil {
			rel = item
		}
		if _, err := os.Lstat(p); live && errors.Is(err, os.ErrNotExist) {
			done.vanished.add(rel)
			continue
		}
		bad = append(bad, rel)
	}
	if len(bad) == 0 && live {
		return nil
	}
	return fmt.Errorf("%s: restic could not read %s; the snapshot is incomplete and does not count", doing, firstOf(bad))
}

// resticExcludes writes the exclusions to the file list and returns the
// arguments for them. Names that a line of a file cannot hold are arguments.
func resticExcludes(rules exclude.Rules, view, list string) ([]string, error) {
	emptied, dropped, err := concrete(rules, view)
	if err != nil || len(emptied)+len(dropped) == 0 {
		return nil, err
	}
	var lines strings.Builder
	args := []string{"--exclude-file", list}
	add := func(pattern string) {
		if pattern != strings.TrimSpace(pattern) || strings.ContainsAny(pattern, "\n\r") {
			args = append(args, "--exclude", pattern)
			return
		}
		lines.WriteString(strings.ReplaceAll(pattern, "$", "$$") + "\n")
	}
	top := escapeGlob(view)
	for _, p := range emptied {
		add(top + "/" + escapeGlob(p) + "/*")
	}
	for _, p := range dropped {
		add(top + "/" + escapeGlob(p))
	}
	return args, os.WriteFile(list, []byte(lines.String()), 0o600)
}

// restic runs the program and turns its failures into ours.
func (r *restic) restic(ctx context.Context, doing string, c proc.Cmd) (proc.Result, error) {
	if r.folder != "" {
		// A copy of what lies in a folder here gains nothing, and would hide
		// that the folder's is damaged.
		c.Args = append(slices.Clone(c.Args[:1]), append([]string{"--no-cache"}, c.Args[1:]...)...)
		// Newer versions would try for a quarter of an hour.
		if err := r.lockable(); err != nil && !slices.Contains(c.Args, "--no-lock") {
			return proc.Result{ExitCode: -1}, fmt.Errorf("%s (restic repository %s): nothing can be written there: %w", doing, r.shown(), err)
		}
	}
	res, err := r.run(ctx, c)
	var exit *proc.ExitError
	if !errors.As(err, &exit) || ctx.Err() != nil {
		if err != nil {
			err = fmt.Errorf("%s (restic repository %s): %w", doing, r.shown(), err)
		}
		return res, err
	}
	return res, &resticError{doing: doing, repository: r.shown(), code: exit.ExitCode, said: exit.Stdout + "\n" + exit.Stderr, exit: exit}
}

// reading is restic for what only reads: where no lock can be written, as on a
// read-only mount, none is needed.
func (r *restic) reading(ctx context.Context, doing string, c proc.Cmd) (proc.Result, error) {
	if r.lockable() != nil {
		c.Args = append(slices.Clone(c.Args), "--no-lock")
	}
	res, err := r.restic(ctx, doing, c)
	var exit *resticError
	if errors.As(err, &exit) && r.folder == "" && noLock.MatchString(exit.said) {
		c.Args = append(slices.Clone(c.Args), "--no-lock")
		return r.restic(ctx, doing, c)
	}
	return res, err
}

// lockable looks whether locks can be written, where that can be seen.
func (r *restic) lockable() error {
	if r.folder == "" {
		return nil
	}
	err := writable(filepath.Join(r.folder, "locks"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // there is no repository; restic says so
	}
	return err
}

// resticError is a command of restic's that failed.
type resticError struct {
	doing, repository string
	code              int
	said              string // redacted
	exit              *proc.ExitError
}

var errNoRepository = errors.New("there is no repository")

// restic before 0.17 knows only the exit codes 0, 1 and 3: its messages, which
// have not changed, tell the rest.
var (
	noRepository = lazyregexp.New(`(?i)(unable to open config file|repository does not exist)`)
	notThere     = lazyregexp.New(`(?i)(no such file or directory|does not exist|not found|NoSuchKey|404)`)
	wrongKey     = lazyregexp.New(`(?i)(wrong password or no key found|an empty password is not)`)
	locked       = lazyregexp.New(`(?i)repository is already locked(?: exclusively)? by (.*)`)
	noLock       = lazyregexp.New(`(?is)(unable to create lock|Lock\(|locks/).*(read-only file system|permission denied)`)
	noParent     = lazyregexp.New(`(?i)(no matching ID found|invalid id|multiple IDs with prefix|unable to find parent|no snapshot found)`)
	damage       = lazyregexp.New(`(?i)(repository contains errors|ciphertext verification failed|invalid data returned|does not match|hash mismatch|is damaged|not found in index|not found in repository|does not exist|no such file|LoadIndex returned errors|Unmarshal|invalid character|unexpected EOF|unable to load (?:tree|index|snapshot)|load(?:ing)? <|ReadFull|There were \d+ errors|invalid (?:header|length|pack)|too (?:short|small)|corrupt)`)
)

// circumstance is what hinders restic while what is kept may be well.
var circumstance = lazyregexp.New(`(?i)(no space left on device|disk quota exceeded|read-only file system|too many open files|connection|timeout|dial tcp|no route to host|handshake)`)

func (e *resticError) absent() bool {
	return e.code == 10 || noRepository.MatchString(e.said) && notThere.MatchString(e.said)
}

func (e *resticError) holder() (string, bool) {
	m := locked.FindStringSubmatch(e.said)
	switch {
	case m != nil:
		return m[1], true
	case e.code == 11:
		return "another process", true
	}
	return "", false
}

func (e *resticError) wrongPassword() bool { return e.code == 12 || wrongKey.MatchString(e.said) }

// Error says it in our words where the reason is known.
func (e *resticError) Error() string {
	doing := e.doing + " (restic repository " + e.repository + "): "
	holder, held := e.holder()
	switch {
	case e.absent():
		return doing + "there is no repository"
	case held:
		return doing + "it is locked by " + holder + "; wait for its end. A lock of a process of this machine that is gone is removed by the next run; of another machine, after 30 minutes"
	case e.wrongPassword():
		return doing + "the password is wrong, or the key file that it belongs to is lost or damaged"
	}
	return doing + e.exit.Error()
}

// Is tells errNoRepository.
func (e *resticError) Is(target error) bool { return target == errNoRepository && e.absent() }

// Unwrap returns how the program ended.
func (e *resticError) Unwrap() error { return e.exit }

// damaged turns what restic says of a damaged repository into a *DamageError.
func damaged(err error, set string) error {
	var e *resticError
	if !errors.As(err, &e) {
		return err
	}
	_, held := e.holder()
	switch {
	case held || e.wrongPassword() || circumstance.MatchString(e.said):
		return err
	case e.absent():
		return &DamageError{Set: set, What: "the restic repository " + e.repository, Found: "it is not there"}
	case damage.MatchString(e.said):
		return &DamageError{Set: set, What: "the restic repository " + e.repository, Found: e.exit.Error()}
	}
	return err
}

// checkKeys compares the names of key files with the hashes of their content:
// restic looks at a key only when it needs it.
func (r *restic) checkKeys(set string) error {
	if r.folder == "" {
		return nil
	}
	dir := filepath.Join(r.folder, "keys")
	keys, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return &DamageError{Set: set, What: "the restic repository " + r.shown(), Found: "it has no keys"}
	}
	if err != nil {
		return fmt.Errorf("verify set %s: %w", set, err)
	}
	for _, k := range keys {
		b, err := os.ReadFile(filepath.Join(dir, k.Name()))
		if err != nil {
			return fmt.Errorf("verify set %s: %w", set, err)
		}
		if sum := sha256.Sum256(b); len(k.Name()) == 2*len(sum) && hex.EncodeToString(sum[:]) != k.Name() {
			return &DamageError{Set: set, What: "key " + k.Name() + " of the restic repository " + r.shown(), Found: fmt.Sprintf("its SHA-256 is %x", sum)}
		}
	}
	return nil
}

// shown is the repository without a password.
func (r *restic) shown() string { return passwordInURL.ReplaceAllString(r.repository, "$1@") }

var passwordInURL = lazyregexp.New(`(://[^/@:]*):[^/@]*@`)
