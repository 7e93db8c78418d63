package statetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dssctl/dssctl/state"
)

func readingMakesNothing(t *testing.T, b *bench) {
	s := b.open()
	if s.Where() == "" {
		t.Error("Where is empty")
	}
	got, err := s.Instances(b.ctx())
	b.ok(err)
	runs, err := s.Runs(b.ctx())
	b.ok(err)
	h, err := s.Holder(b.ctx())
	b.ok(err)
	if len(got) != 0 || len(runs) != 0 || h != nil {
		t.Errorf("a new state holds %d instances, %d runs, lock holder %v", len(got), len(runs), h)
	}
	b.ok(s.Unlock(b.ctx()))
	if b.Folder != "" {
		if _, err := os.Stat(b.Folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("reading made %s (%v)", b.Folder, err)
		}
	}
}

func metaIsStable(t *testing.T, b *bench) {
	// Several at once: one identity must come out.
	metas := make([]state.Meta, 8)
	var wg sync.WaitGroup
	for i := range metas {
		s := b.open()
		wg.Go(func() {
			m, err := s.Meta(b.ctx())
			if err != nil {
				t.Error(err)
			}
			metas[i] = m
		})
	}
	wg.Wait()
	for _, m := range metas {
		if m.Lineage == "" || m.Lineage != metas[0].Lineage || len(m.Key) != 32 || string(m.Key) != string(metas[0].Key) {
			t.Errorf("the identities differ: lineage %q and %q, keys of %d and %d bytes", m.Lineage, metas[0].Lineage, len(m.Key), len(metas[0].Key))
		}
	}
}

func sample() state.Instance {
	return state.Instance{
		DataDir: "/data/design",
		Aspects: map[string]json.RawMessage{
			"runtime_database": json.RawMessage(`{"a":[1,2.50,"<&>"],"big":12345678901234567890}`),
		},
		Protected:  true,
		Throughput: map[string]float64{"runtimedb.copy": 1.5e8},
		LastRun:    "20261120-143907-4f2a",
	}
}

func instances(t *testing.T, b *bench) {
	s := b.open()
	const address = `instance.automation["ä \"1\""]`
	set := func(want state.Instance) func(*state.Instance) error {
		return func(in *state.Instance) error { *in = want; return nil }
	}
	b.ok(s.Update(b.ctx(), address, func(in *state.Instance) error {
		if diff := cmp.Diff(state.Instance{}, *in); diff != "" {
			t.Errorf("a new record is not zero: %s", diff)
		}
		*in = sample()
		return nil
	}))
	first, err := s.Meta(b.ctx())
	b.ok(err)
	b.ok(s.Update(b.ctx(), "instance.other", set(state.Instance{DataDir: "/other"})))
	second, err := s.Meta(b.ctx())
	b.ok(err)
	if second.Serial <= first.Serial || second.Lineage != first.Lineage {
		t.Errorf("after a write: serial %d → %d, lineage %q → %q", first.Serial, second.Serial, first.Lineage, second.Lineage)
	}

	got, err := b.open().Instances(b.ctx()) // as another process sees it
	b.ok(err)
	sameJSON := cmp.Transformer("json", func(r json.RawMessage) any {
		var v any
		if err := json.Unmarshal(r, &v); err != nil {
			t.Errorf("an aspect's record is no JSON: %v", err)
		}
		return v
	})
	want := map[string]state.Instance{address: sample(), "instance.other": {DataDir: "/other"}}
	if diff := cmp.Diff(want, got, sameJSON, cmpopts.IgnoreFields(state.Instance{}, "Updated")); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if got[address].Updated.IsZero() {
		t.Error("Updated is not set")
	}

	b.ok(s.Update(b.ctx(), address, func(*state.Instance) error { return fmt.Errorf("forget it: %w", state.ErrNotFound) }))
	b.ok(s.Update(b.ctx(), address, func(*state.Instance) error { return state.ErrNotFound }))
	got, err = s.Instances(b.ctx())
	b.ok(err)
	if _, there := got[address]; there || len(got) != 1 {
		t.Errorf("after removal there are %d records, the removed one: %v", len(got), there)
	}
}

func updateFails(t *testing.T, b *bench) {
	s := b.open()
	b.ok(s.Update(b.ctx(), "instance.a", func(in *state.Instance) error { *in = sample(); return nil }))
	before, err := s.Meta(b.ctx())
	b.ok(err)
	boom := errors.New("boom")
	err = s.Update(b.ctx(), "instance.a", func(in *state.Instance) error {
		in.DataDir = "/elsewhere"
		in.Aspects["runtime_database"] = json.RawMessage(`null`)
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("Update returned %v, expected the error of f", err)
	}
	got, err := s.Instances(b.ctx())
	b.ok(err)
	after, err := s.Meta(b.ctx())
	b.ok(err)
	if got["instance.a"].DataDir != "/data/design" || after.Serial != before.Serial {
		t.Errorf("a failed update changed the record (%+v) or the serial (%d → %d)", got["instance.a"], before.Serial, after.Serial)
	}
}

func updateAll(t *testing.T, b *bench) {
	s := b.open()
	b.ok(s.UpdateAll(b.ctx(), nil, func(string, *state.Instance) error { return errors.New("asked though none is named") }))
	all := []string{"instance.a", "instance.b", "instance.c"}
	b.ok(s.UpdateAll(b.ctx(), all, func(address string, in *state.Instance) error {
		in.DataDir = "/data/" + address
		return nil
	}))
	before, err := s.Meta(b.ctx())
	b.ok(err)
	boom := errors.New("boom")
	err = s.UpdateAll(b.ctx(), all, func(address string, in *state.Instance) error {
		if address == "instance.c" {
			return boom
		}
		in.DataDir = "/elsewhere"
		return nil
	})
	if !errors.Is(err, boom) {
		t.Errorf("UpdateAll returned %v, expected the error of f", err)
	}
	b.ok(s.UpdateAll(b.ctx(), append(all, "instance.d"), func(address string, in *state.Instance) error {
		if in.DataDir == "/elsewhere" {
			t.Errorf("%s was changed by an update that failed", address)
		}
		if address == "instance.a" || address == "instance.d" {
			return state.ErrNotFound
		}
		in.Protected = true
		return nil
	}))
	got, err := b.open().Instances(b.ctx())
	b.ok(err)
	after, err := s.Meta(b.ctx())
	b.ok(err)
	if len(got) != 2 || !got["instance.b"].Protected || got["instance.c"].DataDir != "/data/instance.c" || got["instance.c"].Updated.IsZero() {
		t.Errorf("read back %+v", got)
	}
	if after.Serial != before.Serial+1 {
		t.Errorf("one step took the serial from %d to %d", before.Serial, after.Serial)
	}
}

func concurrentUpdates(t *testing.T, b *bench) {
	const writers, rounds = 6, 10
	var wg sync.WaitGroup
	for w := range writers {
		s := b.open()
		wg.Go(func() {
			for range rounds {
				for _, address := range []string{"instance.shared", fmt.Sprintf("instance.own%d", w)} {
					err := s.Update(b.ctx(), address, func(in *state.Instance) error {
						if in.Throughput == nil {
							in.Throughput = map[string]float64{}
						}
						in.Throughput["n"]++
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	got, err := b.open().Instances(b.ctx())
	b.ok(err)
	if n := got["instance.shared"].Throughput["n"]; n != writers*rounds {
		t.Errorf("%v of %d updates of the shared record arrived", n, writers*rounds)
	}
	if n := got["instance.own3"].Throughput["n"]; n != rounds {
		t.Errorf("%v of %d updates of an own record arrived", n, rounds)
	}
}
