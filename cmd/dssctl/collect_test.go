package main

import (
	"runtime/debug"
	"testing"
)

func TestCollectLess(t *testing.T) {
	before := debug.SetGCPercent(77)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for gogc, want := range map[string]int{"50": 77, "": 200} {
		debug.SetGCPercent(77)
		collectLess(func(name string) string { return map[string]string{"GOGC": gogc}[name] })
		if got := debug.SetGCPercent(77); got != want {
			t.Errorf("with GOGC=%q it is %d %%, want %d", gogc, got, want)
		}
	}
}
