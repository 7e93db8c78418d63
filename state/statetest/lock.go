package statetest

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dssctl/dssctl/state"
)

func lockExcludes(t *testing.T, b *bench) {
	one, two := b.open(), b.open()
	lease, err := one.Lock(b.ctx(), "apply nightly")
	b.ok(err)
	for _, s := range []state.Store{one, two} {
		_, err = s.Lock(b.ctx(), "other")
		var locked *state.LockedError
		if !errors.As(err, &locked) {
			t.Fatalf("a second Lock returned %v, expected a LockedError", err)
		}
		if locked.Holder.PID != os.Getpid() || locked.Holder.Why != "apply nightly" || locked.Stale {
			t.Errorf("the second Lock was told %+v", locked)
		}
		if !strings.Contains(err.Error(), "dssctl state unlock") {
			t.Errorf("the message does not say what to do: %v", err)
		}
	}
	h, err := two.Holder(b.ctx())
	b.ok(err)
	if h == nil || h.PID != os.Getpid() || h.Why != "apply nightly" || h.Since.IsZero() || h.Beat.Before(h.Since) {
		t.Errorf("Holder is %+v", h)
	}
	select {
	case <-lease.Lost():
		t.Error("the lease counts as lost")
	default:
	}

	b.ok(lease.Release(b.ctx()))
	b.ok(lease.Release(b.ctx())) // a deferred second one does no harm
	h, err = two.Holder(b.ctx())
	b.ok(err)
	if h != nil {
		t.Errorf("released, the lock has the holder %+v", h)
	}
	lease, err = two.Lock(b.ctx(), "next")
	b.ok(err)
	b.ok(lease.Release(b.ctx()))
}

func oneGetsTheLock(t *testing.T, b *bench) {
	for range 5 {
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		leases := make(chan state.Lease, 8)
		for range 8 {
			s := b.open()
			wg.Go(func() {
				lease, err := s.Lock(b.ctx(), "race")
				var locked *state.LockedError
				switch {
				case err == nil:
					won.Add(1)
					leases <- lease
				case errors.As(err, &locked):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Fatalf("%d of 8 got the lock, %d were refused", won.Load(), lost.Load())
		}
		b.ok((<-leases).Release(b.ctx()))
	}
}

func unlock(t *testing.T, b *bench) {
	one, two := b.open(), b.open()
	lease, err := one.Lock(b.ctx(), "stuck")
	b.ok(err)
	b.ok(two.Unlock(b.ctx()))
	next, err := two.Lock(b.ctx(), "next")
	b.ok(err)
	wait, stop := context.WithTimeout(b.ctx(), patience)
	defer stop()
	select {
	case <-lease.Lost():
	case <-wait.Done():
		t.Fatal("the former holder was not told that the lock is lost")
	}
	b.ok(lease.Release(b.ctx()))
	// The one who lost it must not have taken anything from the new holder.
	h, err := one.Holder(b.ctx())
	b.ok(err)
	if h == nil || h.Why != "next" {
		t.Errorf("the holder is %+v, expected the new one", h)
	}
	if _, err := one.Lock(b.ctx(), "third"); err == nil {
		t.Error("a third got the lock")
	}
	select {
	case <-next.Lost():
		t.Error("the new holder lost the lock")
	default:
	}
	b.ok(next.Release(b.ctx()))
}
