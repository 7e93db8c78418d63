package main

import "runtime/debug"

// collectLess has garbage collected half as often as usual. Most commands live
// for a tenth of a second, and collecting while the heap is small and grows took
// a fifth of it; a few MiB are the price. Who sets GOGC is obeyed.
func collectLess(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
