package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestCollectLess(t *testing.T) {
	before := debug.SetGCPercent(77)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	collectLess(func(string) string { return "50" })
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GOGC is set, and it is %d %%", got)
	}
	collectLess(func(string) string { return "" })
	got := debug.SetGCPercent(first)
	if got != first && got != later {
		t.Errorf("it is %d %% at first", got)
	}
	for range 1000 {
		runtime.GC()
		if got = debug.SetGCPercent(77); got == later {
			return
		}
		debug.SetGCPercent(got)
		time.Sleep(time.Millisecond)
	}
	t.Errorf("it is %d %% after collections, want %d", got, later)
}
