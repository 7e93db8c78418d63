package state_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dssctl/dssctl/state"
)

// thousand writes the heads of 1000 runs without the pains of durability.
func thousand(t testing.TB, dir string) {
	t.Helper()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		at := began.Add(time.Duration(i) * time.Hour)
		r := state.Run{ID: at.Format("20060102-150405") + "-0000", Status: state.Done, Started: at, Instances: []string{"instance.design"}}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, state.FolderName, "runs", r.ID)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "run.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThousandRuns(t *testing.T) {
	dir := t.TempDir()
	thousand(t, dir)
	runs, err := open(t, dir).Runs(t.Context())
	if err != nil || len(runs) != 1000 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	for i := 1; i < len(runs); i++ {
		if !runs[i].Started.Before(runs[i-1].Started) {
			t.Fatalf("run %d is not older than the one before it", i)
		}
	}
}

func BenchmarkRuns1000(b *testing.B) {
	dir := b.TempDir()
	thousand(b, dir)
	s, err := state.OpenLocal(dir, state.LocalOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Runs(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := open(b, b.TempDir())
	for i := range 100 {
		set := func(in *state.Instance) error { in.DataDir = fmt.Sprint(i); return nil }
		if err := s.Update(b.Context(), fmt.Sprintf("instance.a%d", i), set); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := s.Update(b.Context(), "instance.a7", func(*state.Instance) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
