package main

import (
	"runtime"
	"runtime/debug"
)

// By how many percent the heap grows until garbage is collected for the first
// time, which is at 32 MiB, and from then on.
const firstCollection, laterCollections = 800, 200

// collectLess has no garbage collected until the heap is 32 MiB, and from then on
// half as often as usual. Most commands live for a tenth of a second, and
// collecting while the heap is small and grows took a sixth of it. Who sets GOGC
// is obeyed.
func collectLess(getenv func(string) string) {
	if getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(firstCollection)
	// Nothing holds it, so that it goes with the first collection.
	runtime.AddCleanup(new([16]byte), func(percent int) { debug.SetGCPercent(percent) }, laterCollections)
}
