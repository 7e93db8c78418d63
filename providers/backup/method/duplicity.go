package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// duplicity keeps volumes of full and incremental tars, encrypted when there is
// a password.
//
// A set's folder holds the whole chain that it needs: hard links to the volumes
// of the set before, which duplicity never changes, and the new ones. So no set
// depends on another, and each can go, which duplicity by itself, where chains
// share one place and the oldest must go first, does not offer.
//
// duplicity goes by size and time, and misses a change that keeps both. So what
// the walk before a backup saw, with ctimes, is kept too; where it shows such a
// change, a full backup is made, for duplicity cannot be told to look closer.
//
// What duplicity checks on the way back are its volumes; an index with the
// SHA-256 of each of its files finds a flipped bit in any of them.
type duplicity struct{ tool }

const (
	duplicityWarm = "datadir.warm" // what Warm fills: a chain of its own
	duplicityDone = ".done"        // added to that, it says that Warm has ended
	// sourceName, beside the volumes, is an index of the view.
	sourceName = "source.gz"
	// chainLength is how many increments may follow a full backup: each makes
	// a restore slower, and one rotten volume spoils all that come after it.
	chainLength = 30
)

func newDuplicity(o Options) *duplicity {
	d := &duplicity{tool{
		o: o, name: "duplicity", least: "0.8", ask: []string{"--version"}, install: "apt-get install duplicity",
		env: []string{"PYTHONWARNINGS=ignore"},
	}}
	if o.Password != "" {
		d.env = append(d.env, "PASSPHRASE="+o.Password)
		d.secrets = []string{o.Password}
	}
	return d
}

// Name implements Method.
func (d *duplicity) Name() string { return Duplicity }

// Check implements Method.
func (d *duplicity) Check(ctx context.Context) error {
	if d.o.Repository != "" {
		return fmt.Errorf("the method duplicity keeps its volumes in the sets' folders, not in %s; remove the repository, or use restic for object storage", d.o.Repository)
	}
	if err := checkDestination(d.o.Destination); err != nil {
		return err
	}
	if _, err := d.version(ctx); err != nil {
		return err
	}
	if d.o.Password != "" {
		gpg := tool{o: d.o, name: "gpg", least: "2.1", install: "apt-get install gpg"}
		if _, err := gpg.find(); err != nil {
			return err
		}
	}
	return nil
}

// Prepare implements Method.
func (d *duplicity) Prepare(context.Context) error { return nil }

// Warm implements Method.
func (d *duplicity) Warm(ctx context.Context, j Job) error {
	j.Live = true
	to := filepath.Join(j.Folder, duplicityWarm)
	if _, err := d.backup(ctx, j, d.previous(ctx, j), to); err != nil {
		return err
	}
	return os.WriteFile(to+duplicityDone, nil, 0o600)
}

// Save implements Method.
func (d *duplicity) Save(ctx context.Context, j Job) (Part, error) {
	v, err := d.version(ctx)
	if err != nil {
		return Part{}, err
	}
	to, warm := filepath.Join(j.Folder, treeName), filepath.Join(j.Folder, duplicityWarm)
	from := warm
	if _, err := os.Stat(warm + duplicityDone); err != nil {
		from = d.previous(ctx, j)
	}
	p, err := d.backup(ctx, j, from, to)
	if err != nil {
		return p, err
	}
	p.Method, p.Tool = d.Name(), d.named(v)
	old := map[string]bool{}
	if j.Previous != nil {
		old = volumes(filepath.Join(j.Previous.Folder, treeName))
	}
	if p.SHA256, p.Stored, err = indexKept(ctx, j, old); err != nil {
		return p, err
	}
	return p, errors.Join(os.RemoveAll(warm), removeFile(warm+duplicityDone))
}

// previous is the folder of volumes to go on from; "" to begin a chain.
func (d *duplicity) previous(ctx context.Context, j Job) string {
	p := j.Previous
	if p == nil || p.Part.Method != d.Name() {
		return ""
	}
	if err := verifyKept(ctx, *p, true, nil); err != nil {
		d.o.Notice(fmt.Sprintf("a full backup is made, for the set before cannot be built on: %v", err))
		return ""
	}
	dir := filepath.Join(p.Folder, treeName)
	if increments(dir) >= chainLength {
		return ""
	}
	return dir
}

func increments(dir string) int {
	n := 0
	for name := range volumes(dir) {
		if strings.HasPrefix(name, "duplicity-inc.") && strings.Contains(name, ".manifest") {
			n++
		}
	}
	return n
}

// link fills the folder to with links to the volumes of from.
func (d *duplicity) link(from, to string) error {
	if err := removeAll(to); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for name := range volumes(from) {
		if err := os.Link(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// volumes are duplicity's files in a folder; none when there is no folder.
func volumes(dir string) map[string]bool {
	out := map[string]bool{}
	names, err := os.ReadDir(dir)
	if dir == "" || err != nil {
		return out
	}
	for _, n := range names {
		if strings.HasPrefix(n.Name(), "duplicity-") {
			out[n.Name()] = true
		}
	}
	return out
}

// backup adds to the chain of the folder from, in the folder to.
func (d *duplicity) backup(ctx context.Context, j Job, from, to string) (Part, error) {
	doing := "back up " + j.View
	if err := d.link(from, to); err != nil {
		return Part{}, fmt.Errorf("%s: %w", doing, err)
	}
	hidden, err := d.look(ctx, j, from, to)
	if err != nil {
		return Part{}, fmt.Errorf("%s: look for what has changed: %w", doing, err)
	}
	if hidden != "" {
		d.o.Notice(fmt.Sprintf("a full backup is made, for %q has changed in a way that duplicity does not see: neither size nor time tell", hidden))
		for name := range volumes(to) {
			if err := os.Remove(filepath.Join(to, name)); err != nil {
				return Part{}, fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	action := "incremental"
	if len(volumes(to)) == 0 {
		action = "full"
	}
	args := []string{action, "--allow-source-mismatch", "--volsize", "1000"}
	list := filepath.Join(j.Folder, "datadir.exclude")
	defer os.Remove(list)
	without, err := duplicityExcludes(j.Rules, mustReal(j.View), list)
	if err != nil {
		return Part{}, fmt.Errorf("%s: %w", doing, err)
	}
	args = append(append(args, without...), ".")
	var unread []string
	began := d.o.Clock.Now()
	_, err = d.duplicity(ctx, doing, j.Folder, to, proc.Cmd{Args: args, Dir: mustReal(j.View), Line: func(line string) {
		if m := duplicityUnread.FindStringSubmatch(line); m != nil {
			unread = append(unread, m[1])
		}
		if m := duplicityErrors.FindStringSubmatch(line); m != nil && m[1] != "0" && len(unread) == 0 {
			unread = append(unread, m[1]+" files")
		}
	}})
	if err != nil {
		return Part{}, err
	}
	var p Part
	var vanished changes
	var bad []string
	for _, rel := range unread {
		if _, err := os.Lstat(filepath.Join(j.View, rel)); j.Live && errors.Is(err, fs.ErrNotExist) {
			vanished.add(filepath.Clean(rel))
			continue
		}
		bad = append(bad, filepath.Clean(rel))
	}
	if len(bad) > 0 {
		return p, fmt.Errorf("%s: duplicity could not read %s; the backup is incomplete and does not count", doing, firstOf(bad))
	}
	p.Changed, p.ChangedTotal = vanished.names, vanished.total
	if err := survey(ctx, j, began, &p); err != nil {
		return p, fmt.Errorf("%s: %w", doing, err)
	}
	d.o.Progress(event.Progress{Done: p.Bytes, Total: p.Bytes, Unit: "bytes"})
	return p, nil
}

// look writes the index of the view, and returns the first file that was
// changed with neither size nor time telling.
func (d *duplicity) look(ctx context.Context, j Job, from, to string) (hidden string, err error) {
	matcher, err := exclude.Compile(j.Rules)
	if err != nil {
		return "", err
	}
	base := &indexReader{}
	if from != "" {
		if base, err = openIndex(filepath.Join(from, sourceName), ""); err != nil {
			return "", err
		}
	}
	defer base.close()
	w, err := createIndex(filepath.Join(to, sourceName))
	if err != nil {
		return "", err
	}
	err = walkKept(ctx, mustReal(j.View), matcher, func(e *entry) error {
		was, err := base.at(e.Path, nil)
		if err != nil {
			return err
		}
		const second = 1_000_000_000 // duplicity knows whole ones
		if hidden == "" && was != nil && e.Kind == "file" && was.Kind == "file" && was.CTime != e.CTime && was.Size == e.Size && was.MTime/second == e.MTime/second {
			hidden = e.Path
		}
		return w.add(*e)
	})
	_, errClose := w.close()
	return hidden, errors.Join(err, errClose)
}

// duplicity ends with 0 when it could not read a file.
var (
	duplicityUnread = lazyregexp.New(`^(?:Error accessing possibly locked file|Error opening file|Skipping \S+ file|Error reading file|Error initializing file) (.+)$`)
	duplicityErrors = lazyregexp.New(`^Errors (\d+)$`)
)

// duplicity runs the program on the volumes of a folder.
func (d *duplicity) duplicity(ctx context.Context, doing, folder, chain string, c proc.Cmd) (proc.Result, error) {
	// Its copy of signatures and manifests; a lock in it would outlive a kill.
	cache := filepath.Join(folder, "datadir.cache")
	if err := removeAll(cache); err != nil {
		return proc.Result{}, fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = removeAll(cache) }()
	// The volumes are here: to try again does not help, unlike on a network.
	all := []string{c.Args[0], "--archive-dir", cache, "--name", "dssctl", "--num-retries", "1", "--backend-retry-delay", "1"}
	if d.o.Password == "" {
		all = append(all, "--no-encryption")
	}
	c.Args = append(all, c.Args[1:]...)
	at := len(c.Args) - 1
	url := "file://" + mustReal(chain)
	if c.Args[0] == "restore" {
		c.Args = append(c.Args[:at], url, c.Args[at])
	} else {
		c.Args = append(c.Args, url)
	}
	ctx, line, end := d.endHung(ctx, c.Line)
	c.Line = line
	r, err := d.run(ctx, c)
	end()
	if err != nil {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	return r, err
}

// hung is how long duplicity may go on after it has said that it failed.
const hung = 3 * time.Second

// endHung ends a duplicity that has failed and waits for its gpg, which waits
// for duplicity to read on.
func (d *duplicity) endHung(parent context.Context, tell func(string)) (ctx context.Context, line func(string), end func()) {
	ctx, cancel := context.WithCancelCause(parent)
	var waiting sync.WaitGroup
	failed := false
	line = func(s string) {
		if tell != nil {
			tell(s)
		}
		if failed || !duplicityFailed.MatchString(s) {
			return
		}
		failed = true
		waiting.Go(func() {
			if d.o.Clock.Sleep(ctx, hung) == nil {
				cancel(errors.New("it had failed, and did not end"))
			}
		})
	}
	return ctx, line, func() {
		cancel(nil)
		waiting.Wait()
	}
}

// duplicityFailed is the last line of what Python says of an error.
var duplicityFailed = lazyregexp.New(`^ ?[A-Za-z_.]+(?:Error|Exception|Exit): `)

// duplicityEscaper makes a pattern that matches a name alone: duplicity knows
// no backslash.
var duplicityEscaper = strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`)

// duplicityExcludes is resticExcludes for patterns that begin at ".".
func duplicityExcludes(rules exclude.Rules, view, list string) ([]string, error) {
	emptied, dropped, err := concrete(rules, view)
	if err != nil || len(emptied)+len(dropped) == 0 {
		return nil, err
	}
	var lines strings.Builder
	args := []string{"--exclude-filelist", list}
	add := func(pattern string) {
		if pattern != strings.TrimSpace(pattern) || strings.ContainsAny(pattern, "\n\r") || strings.ToValidUTF8(pattern, "") != pattern {
			args = append(args, "--exclude", pattern)
			return
		}
		lines.WriteString(pattern + "\n")
	}
	for _, p := range emptied {
		add("./" + duplicityEscaper.Replace(p) + "/**")
	}
	for _, p := range dropped {
		add("./" + duplicityEscaper.Replace(p))
	}
	return args, os.WriteFile(list, []byte(lines.String()), 0o600)
}

// Seal implements Method.
func (d *duplicity) Seal(context.Context, Job, Part) error { return nil }

// Verify implements Method.
func (d *duplicity) Verify(ctx context.Context, s Stored, quick bool) error {
	return verifyKept(ctx, s, quick, func(done int64) {
		d.o.Progress(event.Progress{Done: done, Unit: "bytes"})
	})
}

// Holds implements Method: the index beside the volumes is of what duplicity read.
func (d *duplicity) Holds(_ context.Context, s Stored, names []string) ([]string, error) {
	source, err := openIndex(filepath.Join(s.Folder, treeName, sourceName), "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamageError{Set: s.Set, What: sourceName, Found: "it is gone"}
	}
	if err != nil {
		return nil, fmt.Errorf("look into set %s: %w", s.Set, err)
	}
	defer source.close()
	w := newWanted(names)
	err = source.rest(func(e *entry) error {
		w.saw(e.Path, e.Kind)
		return nil
	})
	return w.missing(), err
}

// Restore implements Method. duplicity takes out one path a run.
func (d *duplicity) Restore(ctx context.Context, s Stored, into string, sel Selection) error {
	paths, err := sel.clean()
	if err != nil {
		return err
	}
	if err := verifyKept(ctx, s, true, nil); err != nil {
		return err
	}
	if err := beginRestore(into, s.Set); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "dssctl-duplicity-")
	if err != nil {
		return fmt.Errorf("restore set %s: %w", s.Set, err)
	}
	defer func() { _ = removeAll(work) }()
	beside := filepath.Join(into, besideName)
	if len(paths) == 0 {
		if err := d.restore(ctx, s, work, beside, ""); err != nil {
			return err
		}
		return putInPlace(beside, into, s.Set, nil)
	}
	for i, p := range paths {
		one := filepath.Join(into, besideName+strconv.Itoa(i))
		if err := d.restore(ctx, s, work, one, p); err != nil {
			return err
		}
		to := filepath.Join(into, p)
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		if err == nil {
			err = moveInto(one, to)
		}
		if err != nil {
			return fmt.Errorf("restore %q of set %s: %w", p, s.Set, err)
		}
	}
	return endRestore(into, s.Set, paths)
}

func (d *duplicity) restore(ctx context.Context, s Stored, work, to, only string) error {
	doing := "restore set " + s.Set + " into " + filepath.Dir(to)
	args := []string{"restore", "--numeric-owner"}
	if only != "" {
		args = append(args, "--file-to-restore", only)
	}
	var failed []string
	r, err := d.duplicity(ctx, doing, work, filepath.Join(s.Folder, treeName), proc.Cmd{Args: append(args, to), Line: func(line string) {
		// An account that is not root cannot give files to others.
		if strings.HasPrefix(line, "Error '") && (os.Geteuid() == 0 || !strings.Contains(line, "Operation not permitted")) {
			failed = append(failed, line)
		}
	}})
	said := string(r.Stdout) + string(r.Stderr)
	switch {
	case err != nil && strings.Contains(said, "not found in archive"):
		return fmt.Errorf("restore %q of set %s: the set does not hold it", only, s.Set)
	case err != nil && duplicityDamage.MatchString(said):
		return &DamageError{Set: s.Set, What: "its volumes", Found: err.Error()}
	case err != nil:
		return err
	case len(failed) > 0:
		return fmt.Errorf("%s: duplicity said %s", doing, firstOf(failed))
	}
	return nil
}

var duplicityDamage = lazyregexp.New(`(hash mismatch|Invalid data|CRC check failed|Not a gzipped|decryption failed|bad decrypt|No backup chains found|missing volumes|unexpected end of data)`)

// Forget implements Method: the volumes go with the set's folder; those that
// other sets need have other names there.
func (d *duplicity) Forget(context.Context, []Stored) error { return nil }

// Rescan implements Method.
func (d *duplicity) Rescan(context.Context, string) ([]string, error) { return nil, nil }
