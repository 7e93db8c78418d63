package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestCollectLess(t *testing.T) {
	before := debug.SetGCPercent(77)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percent := func() int {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return int(s[0].Value.Uint64()) //nolint:gosec // a percentage
	}
	collectLess(func(string) string { return "50" })
	if got := percent(); got != 77 {
		t.Errorf("GOGC is set, and it is %d %%", got)
	}
	collectLess(func(string) string { return "" })
	if got := percent(); got != firstCollection && got != laterCollections {
		t.Errorf("it is %d %% at first", got)
	}
	for range 1000 {
		runtime.GC()
		if percent() == laterCollections {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("it is %d %% after collections, want %d", percent(), laterCollections)
}
