package method

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fillView makes a data directory whose bytes cannot be compressed.
func fillView(t *testing.T, dir string, seed uint64, bytes int) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{byte(seed)})
	const each = 1 << 20
	for i := 0; i < bytes/each; i++ {
		b := make([]byte, each)
		_, _ = random.Read(b) // it never fails
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func usedBelow(t *testing.T, dir string) (n int64) {
	t.Helper()
	for _, f := range filesBelow(t, dir) {
		n += size(f)
	}
	return n
}

// TestResticAfterAFullVolume: what a run that failed leaves is removed by the next
// one, or by prune, and a backup that fits works again; what sets need stays.
func TestResticAfterAFullVolume(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	b := newBench(t, kindNamed(t, "restic"))
	mountSmall(t, b.o.Destination, "48m")
	fillView(t, b.view, 1, 4<<20)
	b.prepare()
	good := b.save(b.job(nil))
	repository := filepath.Join(b.o.Destination, "restic")
	before := usedBelow(t, repository)
	clearer, ok := b.m.(Clearer)
	if !ok || clearer.Unneeded() {
		t.Fatal("after a good run there is something to clear")
	}
	for i, how := range []string{"next run", "prune"} {
		big := filepath.Join(b.view, "big")
		if err := os.MkdirAll(big, 0o700); err != nil {
			t.Fatal(err)
		}
		fillView(t, big, uint64(i)+2, 20<<20)
		fillView(t, b.view, uint64(i)+20, 25<<20)
		if _, err := b.m.Save(context.Background(), b.job(&good)); err == nil || !strings.Contains(strings.ToLower(err.Error()), "no space left on device") {
			t.Fatalf("%s: a run onto a full volume: %v", how, err)
		}
		if left := usedBelow(t, repository); left < before+8<<20 {
			t.Fatalf("%s: nothing was left: %d bytes, before %d", how, left, before)
		}
		if err := os.RemoveAll(b.view); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(b.view, 0o700); err != nil {
			t.Fatal(err)
		}
		b.open()
		clearer := b.m.(Clearer)
		if !clearer.Unneeded() {
			t.Fatalf("%s: nobody knows that something was left", how)
		}
		if how == "prune" {
			if err := clearer.Clear(context.Background()); err != nil {
				t.Fatal(err)
			}
		} else {
			b.prepare()
		}
		if clearer.Unneeded() || usedBelow(t, repository) > before+1<<20 {
			t.Errorf("%s: %d bytes are left, before were %d", how, usedBelow(t, repository), before)
		}
		fillView(t, b.view, uint64(i)+40, 4<<20)
		s := b.save(b.job(&good))
		for _, s := range []Stored{good, s} {
			if err := b.m.Verify(context.Background(), s, false); err != nil {
				t.Errorf("%s: set %s: %v", how, s.Set, err)
			}
		}
		before = usedBelow(t, repository)
	}
}

// TestResticClearsUnfinishedSets: a first pass whose set was never finished goes,
// and so does a set that was kept and not sealed. Another's stay.
func TestResticClearsUnfinishedSets(t *testing.T) {
	b := newBench(t, kindNamed(t, "restic"))
	fillView(t, b.view, 1, 1<<20)
	b.prepare()
	ctx := context.Background()
	good := b.save(b.job(nil))
	for range 2 {
		j := b.job(&good)
		if err := b.m.Warm(ctx, j); err != nil {
			t.Fatal(err)
		}
		if j.Set[len(j.Set)-1]%2 == 0 {
			if _, err := b.m.Save(ctx, j); err != nil {
				t.Fatal(err)
			}
		}
		if err := removeAll(j.Folder); err != nil {
			t.Fatal(err)
		}
	}
	b.open()
	b.prepare()
	r := b.m.(*restic)
	left, err := r.snapshots(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range left {
		if s.set() != good.Set {
			t.Errorf("left: %v", s.Tags)
		}
	}
	if len(left) != 2 {
		t.Errorf("%d snapshots are left", len(left))
	}
	if err := b.m.Verify(ctx, good, false); err != nil {
		t.Error(err)
	}
}
