package main

import (
	"runtime"
	"runtime/debug"
)

// percentages of growth until garbage is collected: for the first time, which is
// at 32 MiB, and then on.
const first, later = 800, 200

// collectLess has no garbage collected until the heap is 32 MiB, and from then on
// half as often as usual. Most commands live for a tenth of a second, and
// collecting while the heap is small and grows took a fourth of it. Who sets GOGC
// is obeyed.
func collectLess(getenv func(string) string) {
	if getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(first)
	// Nothing holds it, so that it goes with the first collection.
	runtime.AddCleanup(new([16]byte), func(percent int) { debug.SetGCPercent(percent) }, later)
}
