package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

// figure sums up the samples of one command.
type figure struct {
	Wall, Fastest, Slowest time.Duration // Wall is the median
	CPU                    time.Duration // the median
	RSS                    int64         // the largest, bytes
}

func figureOf(samples []timing.Sample) figure {
	var f figure
	var walls, cpus []time.Duration
	for _, s := range samples {
		walls, cpus = append(walls, s.Wall), append(cpus, s.CPU)
		f.RSS = max(f.RSS, s.RSS)
	}
	f.Wall, f.CPU = median(walls), median(cpus)
	if len(walls) > 0 {
		f.Fastest, f.Slowest = slices.Min(walls), slices.Max(walls)
	}
	return f
}

// median of an even number is the mean of the two in the middle.
func median(all []time.Duration) time.Duration {
	n := len(all)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// seconds shows a duration in the unit that suits its size.
func seconds(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", 1000*d.Seconds())
	default:
		return fmt.Sprintf("%.1f ms", 1000*d.Seconds())
	}
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// ratio is how many times a takes b.
func ratio(a, b time.Duration) string {
	switch r := float64(a) / float64(b); {
	case b == 0:
		return "–"
	case r >= 10:
		return fmt.Sprintf("%.0f ×", r)
	default:
		return fmt.Sprintf("%.1f ×", r)
	}
}
