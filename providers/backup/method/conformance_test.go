package method

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// bench is one data directory, one destination, and a method between them.
type bench struct {
	*testing.T
	kind     kind
	o        Options
	m        Method
	view     string
	sets     int
	notices  []string
	progress []event.Progress
	runner   *interrupter
}

// kind is a method under test. All are driven for real.
type kind struct {
	name  string
	loses []string // exactly that
	// programs that have to be there.
	programs []string
	// files are those that hold what the method keeps, for flipping bits.
	files func(b *bench, s Stored) []string
	// setup puts the view where the method needs it; may be nil.
	setup func(b *bench, root string)
}

// bits is how many are flipped in each file: one where a program has to be
// started for it.
func (k kind) bits() int {
	if k.name == "restic" {
		return 1
	}
	return 40
}

const password = "correct horse battery staple"

func newBench(t *testing.T, k kind) *bench {
	t.Helper()
	for _, p := range k.programs {
		if _, err := (&tool{name: p}).find(); err != nil {
			t.Skipf("%s is not installed; scripts/setup installs it", p)
		}
	}
	root := t.TempDir()
	t.Cleanup(func() { _ = removeAll(root) })
	b := &bench{T: t, kind: k, view: filepath.Join(root, "data dir*[1]")}
	if err := os.MkdirAll(filepath.Join(root, "backups"), 0o755); err != nil {
		t.Fatal(err)
	}
	redactor := &secret.Redactor{}
	b.runner = &interrupter{Runner: proc.New(proc.Options{TempDir: root, Redactor: redactor})}
	b.o = Options{
		Destination: filepath.Join(root, "backups"), Password: password,
		Runner: b.runner, Clock: clock.System{}, Redactor: redactor,
		Progress: func(p event.Progress) { b.progress = append(b.progress, p) },
		Notice:   func(s string) { b.notices = append(b.notices, s) },
	}
	if k.setup != nil {
		k.setup(b, root)
	}
	if err := os.MkdirAll(b.view, 0o755); err != nil {
		t.Fatal(err)
	}
	b.o.DataDir = b.view
	b.open()
	return b
}

// open makes the method anew, as another process would.
func (b *bench) open() {
	b.Helper()
	m, err := New(b.kind.name, b.o)
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
}

func (b *bench) job(previous *Stored) Job {
	b.Helper()
	b.sets++
	id := fmt.Sprintf("20261125-19%02d00-%04x", b.sets, b.sets)
	folder := filepath.Join(b.o.Destination, id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	return Job{
		Set: id, Time: time.Date(2026, 11, 25, 19, b.sets, 0, 0, time.UTC), Folder: folder,
		View: b.view, DataDir: b.view, Previous: previous,
	}
}

func (b *bench) prepare() {
	b.Helper()
	if err := b.m.Check(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := b.m.Prepare(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) save(j Job) Stored {
	b.Helper()
	p, err := b.m.Save(context.Background(), j)
	if err != nil {
		b.Fatal(err)
	}
	return b.seal(j, p)
}

func (b *bench) seal(j Job, p Part) Stored {
	b.Helper()
	if err := os.WriteFile(filepath.Join(j.Folder, "manifest.json"), []byte(j.Set), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := b.m.Seal(context.Background(), j, p); err != nil {
		b.Fatal(err)
	}
	return Stored{Set: j.Set, Time: j.Time, Folder: j.Folder, Part: p}
}

// target is a new empty folder on the file system of the data directory: xfsdump
// restores attributes to an XFS only.
func (b *bench) target() string {
	b.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(b.view), "restored-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = removeAll(dir) })
	return dir
}

func (b *bench) restore(s Stored, paths ...string) string {
	b.Helper()
	into := b.target()
	if err := b.m.Restore(context.Background(), s, into, Selection{paths}); err != nil {
		b.Fatal(err)
	}
	return into
}

// expect compares what is restored, less what the method loses.
func (b *bench) expect(before, after map[string]seen) {
	b.Helper()
	for what, rel := range compare(before, after) {
		if !slices.Contains(b.kind.loses, what) {
			b.Errorf("%s loses %s: %s", b.kind.name, what, rel)
		}
	}
}

func eachKind(t *testing.T, f func(b *bench)) {
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			f(newBench(t, k))
		})
	}
}

// TestFaithful: exactly what the documentation says is lost.
func TestFaithful(t *testing.T) {
	eachKind(t, func(b *bench) {
		makeTree(b.T, b.view)
		before := look(b.T, b.view)
		b.prepare()
		s := b.save(b.job(nil))
		if changed := compare(before, look(b.T, b.view)); len(changed) > 0 {
			b.Errorf("a backup changed the data directory: %v", changed)
		}
		into := b.restore(s)
		lost := compare(before, look(b.T, into))
		if words := slices.Sorted(maps.Keys(lost)); !slices.Equal(words, slices.Sorted(slices.Values(b.kind.loses))) {
			b.Errorf("%s loses %v, expected exactly %q", b.kind.name, lost, b.kind.loses)
		}
		var files, folders int64
		for _, e := range before {
			switch {
			case e.kind.IsRegular():
				files++
			case e.kind.IsDir():
				folders++
			}
		}
		p := s.Part
		if p.Method != b.kind.name || p.Tool == "" || p.Folders != folders || p.Files < files || p.Files > files+10 || p.Bytes < 11<<20 || p.Stored <= 0 {
			b.Errorf("the part is %+v; there are %d files in %d folders", p, files, folders)
		}
		if len(b.progress) == 0 {
			b.Error("no progress was told")
		}
		for _, quick := range []bool{true, false} {
			if err := b.m.Verify(context.Background(), s, quick); err != nil {
				b.Errorf("verify, quick %v: %v", quick, err)
			}
		}
	})
}

// TestNextSets: an unchanged set, a small change, one that size and mtime do
// not show, and what is left out; then single paths, forgetting, and again.
func TestNextSets(t *testing.T) {
	eachKind(t, func(b *bench) {
		makeTree(b.T, b.view)
		before := look(b.T, b.view)
		b.prepare()
		first := b.save(b.job(nil))

		change(b.T, b.view)
		if err := b.m.Warm(context.Background(), b.job(&first)); err != nil {
			b.Fatal(err)
		}
		b.sets-- // the same set
		changed := look(b.T, b.view)
		j := b.job(&first)
		second := b.save(j)
		b.expect(before, look(b.T, b.restore(first)))
		b.expect(changed, look(b.T, b.restore(second)))
		// duplicity makes a full one for the change that it cannot see.
		incremental := b.kind.name == "restic" || b.kind.name == "rsync"
		if incremental && second.Part.Stored > first.Part.Stored/4 {
			b.Errorf("the first set takes %d, the second %d", first.Part.Stored, second.Part.Stored)
		}

		third := second
		if b.kind.name == "xfsdump" {
			b.o.Rules = exclude.Rules{Classes: []string{"temporary"}}
			b.open()
			if err := b.m.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "cannot leave anything out") {
				b.Errorf("exclusions: %v", err)
			}
		} else {
			third = b.exclusions(second, changed)
		}

		b.selection(second, changed)

		if err := b.m.Forget(context.Background(), []Stored{first}); err != nil {
			b.Fatal(err)
		}
		if err := b.m.Forget(context.Background(), []Stored{first}); err != nil {
			b.Errorf("forget again: %v", err)
		}
		if err := removeAll(first.Folder); err != nil {
			b.Fatal(err)
		}
		for _, s := range []Stored{second, third} {
			if err := b.m.Verify(context.Background(), s, true); err != nil {
				b.Errorf("set %s after the first was forgotten: %v", s.Set, err)
			}
		}
		b.expect(changed, look(b.T, b.restore(second)))
	})
}

// exclusions makes a set that leaves out, by class and by name.
func (b *bench) exclusions(second Stored, changed map[string]seen) Stored {
	b.Helper()
	j := b.job(&second)
	j.Rules = exclude.Rules{Classes: []string{"temporary"}, Globs: []string{"names/*", "folders/glob*", "modes/readonly", "managed_datasets/part-07"}}
	third := b.save(j)
	after := look(b.T, b.restore(third))
	want := maps.Clone(changed)
	m, err := exclude.Compile(j.Rules)
	if err != nil {
		b.Fatal(err)
	}
	emptied, dropped, err := m.Concrete(b.view)
	if err != nil || len(emptied) == 0 || len(dropped) == 0 {
		b.Fatalf("the exclusions are not tested: %v, %v, %v", emptied, dropped, err)
	}
	for rel := range want {
		out := slices.Contains(dropped, rel)
		for _, e := range emptied {
			out = out || strings.HasPrefix(rel, e+"/")
		}
		if out {
			delete(want, rel)
		}
	}
	if len(want) == len(changed) {
		b.Fatal("nothing is left out")
	}
	b.expect(want, after)
	return third
}

// change makes a small change of each kind.
func change(t *testing.T, root string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(rel string) string { return filepath.Join(root, rel) }
	must(os.WriteFile(at("config/projects/SALES/params.json"), []byte(`{"name": "Sales and more"}`), 0o644))
	must(os.Remove(at("managed_datasets/part-03/out.csv")))
	must(os.Rename(at("managed_datasets/part-04"), at("managed_datasets/moved")))
	must(os.Chmod(at("managed_datasets/part-05/out.csv"), 0o600))
	must(os.WriteFile(at("links/second"), []byte("other text"), 0o644))
	must(os.Remove(at("links/relative")))
	must(os.WriteFile(at("links/relative"), []byte("no link any more"), 0o644))
	// What size and mtime do not show, as after a restore or a `touch -r`.
	name := at("managed_datasets/part-06/out.csv")
	info, err := os.Stat(name)
	must(err)
	b, err := os.ReadFile(name)
	must(err)
	b[10] ^= 1
	must(os.WriteFile(name, b, 0o644))
	must(os.Chtimes(name, info.ModTime(), info.ModTime()))
}

// selection takes single paths out of a set.
func (b *bench) selection(s Stored, all map[string]seen) {
	b.Helper()
	paths := []string{"config/projects", "install.ini"}
	for i, name := range hostile {
		if b.kind.name == "duplicity" && i%12 != 0 {
			continue // it takes a run for each
		}
		paths = append(paths, "names/"+name)
	}
	want := map[string]seen{}
	for rel, e := range all {
		for _, p := range paths {
			if rel == p || strings.HasPrefix(rel, p+"/") {
				want[rel] = e
			}
		}
	}
	got := look(b.T, b.restore(s, paths...))
	for _, parent := range []string{".", "config", "names"} {
		delete(got, parent)
	}
	b.expect(want, got)
	err := b.m.Restore(context.Background(), s, b.TempDir(), Selection{[]string{"no/such/thing"}})
	if err == nil || !strings.Contains(err.Error(), `"no/such/thing"`) {
		b.Errorf("restore of what is not there: %v", err)
	}
	for _, p := range []string{"/etc/passwd", "../x", "a/../../x", ""} {
		if err := b.m.Restore(context.Background(), s, b.TempDir(), Selection{[]string{p}}); err == nil {
			b.Errorf("restore of %q is no error", p)
		}
	}
}

// TestFlippedBits: in every file that is kept, wherever it is.
func TestFlippedBits(t *testing.T) {
	eachKind(t, func(b *bench) {
		for _, name := range []string{"config/a", "managed/b"} {
			if err := os.MkdirAll(filepath.Join(b.view, filepath.Dir(name)), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(b.view, name), []byte(strings.Repeat(name, 3000)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		b.prepare()
		s := b.save(b.job(nil))
		files := b.kind.files(b, s)
		if len(files) == 0 {
			b.Fatal("nothing is kept")
		}
		noise := rand.New(rand.NewPCG(3, 4))
		for _, name := range files {
			good, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil || len(good) == 0 {
				b.Fatalf("%s is empty, %v", name, err)
			}
			for range b.kind.bits() {
				bad := slices.Clone(good)
				bit := noise.IntN(8 * len(good))
				bad[bit/8] ^= 1 << (bit % 8)
				rewrite(b.T, name, bad, info)
				err = b.m.Verify(context.Background(), s, false)
				var damage *DamageError
				if !errors.As(err, &damage) {
					b.Errorf("bit %d of %s flipped: %v", bit, name, err)
				}
			}
			rewrite(b.T, name, good, info)
		}
		// Gone is worse than flipped, and quickly seen.
		gone := slices.MaxFunc(files, func(a, b string) int { return cmp.Compare(size(a), size(b)) })
		if err := os.Rename(gone, gone+".away"); err != nil {
			b.Fatal(err)
		}
		var damage *DamageError
		if err := b.m.Verify(context.Background(), s, true); !errors.As(err, &damage) {
			b.Errorf("%s gone: %v", gone, err)
		}
		if err := os.Rename(gone+".away", gone); err != nil {
			b.Fatal(err)
		}
		if err := b.m.Verify(context.Background(), s, false); err != nil {
			b.Errorf("all is as it was: %v", err)
		}
	})
}

func size(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// rewrite changes bytes and nothing else.
func rewrite(t *testing.T, name string, content []byte, info fs.FileInfo) {
	t.Helper()
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, info.Mode()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// interrupter kills a program as soon as a condition holds.
type interrupter struct {
	proc.Runner
	mu     sync.Mutex
	when   func() bool
	killed bool
	calls  []proc.Cmd
}

func (r *interrupter) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	r.mu.Lock()
	when := r.when
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	if when == nil {
		return r.Runner.Run(ctx, c)
	}
	done := make(chan struct{})
	var waiting sync.WaitGroup
	c.Started = func(p proc.Process) {
		waiting.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
				if when() {
					_ = unix.Kill(-p.PID, unix.SIGKILL) // it may have ended meanwhile
					return
				}
			}
		})
	}
	result, err := r.Runner.Run(ctx, c)
	close(done)
	waiting.Wait()
	r.killed = r.killed || result.Signal == "SIGKILL"
	return result, err
}

// grows returns a condition: that there are more files below dir.
func grows(dir string, by int) func() bool {
	count := func() int {
		n := 0
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				n++
			}
			return nil
		})
		return n
	}
	before := count()
	return func() bool { return count() >= before+by }
}

// TestKilled: Warm, Save and Restore are killed in the middle, and done again.
// A method without a program is cancelled, which a kill differs from by what it
// does not clean up.
func TestKilled(t *testing.T) {
	eachKind(t, func(b *bench) {
		makeTree(b.T, b.view)
		before := look(b.T, b.view)
		b.prepare()
		j := b.job(nil)
		into := b.target()
		var s Stored
		for _, step := range []struct {
			name string
			when func() bool
			do   func(context.Context) error
		}{
			{"Warm", grows(b.o.Destination, 2), func(ctx context.Context) error { return b.m.Warm(ctx, j) }},
			{"Save", grows(b.o.Destination, 2), func(ctx context.Context) error {
				p, err := b.m.Save(ctx, j)
				s = Stored{Set: j.Set, Time: j.Time, Folder: j.Folder, Part: p}
				return err
			}},
			{"Restore", grows(into, 3), func(ctx context.Context) error { return b.m.Restore(ctx, s, into, Selection{}) }},
		} {
			err := b.interrupt(step.when, step.do)
			b.Logf("%s: killed %v", step.name, b.runner.killed)
			switch {
			case b.runner.killed && err == nil && len(b.kind.programs) > 0:
				b.Errorf("%s was killed and tells no error", step.name)
			case err == nil && step.name == "Restore": // it was quicker
				into = b.target()
			}
			b.open()
			if err := b.m.Prepare(context.Background()); err != nil {
				b.Fatal(err)
			}
			if err := step.do(context.Background()); err != nil {
				b.Fatalf("%s again: %v", step.name, err)
			}
		}
		s = b.seal(j, s.Part)
		if err := b.m.Verify(context.Background(), s, false); err != nil {
			b.Error(err)
		}
		b.expect(before, look(b.T, into))
	})
}

// interrupt kills the program that do runs once the condition holds, or
// cancels do where there is no program.
func (b *bench) interrupt(when func() bool, do func(context.Context) error) error {
	b.runner.killed = false
	if len(b.kind.programs) > 0 {
		b.runner.when = when
		defer func() { b.runner.when = nil }()
		return do(context.Background())
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- do(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Millisecond):
		}
		if when() {
			cancel()
			b.runner.killed = true
			return <-ended
		}
	}
}
