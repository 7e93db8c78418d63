package humanize

import (
	"math"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		-1: NotKnown, 0: "0 bytes", 1: "1 byte", 1023: "1,023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB",
		1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 99 << 20: "99.0 MiB", 240 << 20: "240 MiB",
		1<<30 + 1<<28: "1.2 GiB", 1000 << 20: "1.0 GiB", 999 << 20: "999 MiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, expected %q", n, got, want)
		}
	}
	for v, want := range map[float64]string{0: NotKnown, -3: NotKnown, math.Inf(1): NotKnown, math.NaN(): NotKnown, 1.2e8: "114 MiB/s"} {
		if got := Rate(v); got != want {
			t.Errorf("Rate(%v) = %q, expected %q", v, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		-time.Second:                   {"0 s", "0 s"},
		0:                              {"0 s", "0 s"},
		340 * time.Millisecond:         {"340 ms", "0 s"},
		2140 * time.Millisecond:        {"2.1 s", "2 s"},
		59990 * time.Millisecond:       {"1 min", "59 s"},
		4*time.Minute + 10*time.Second: {"4 min 10 s", "4 min 10 s"},
		65 * time.Minute:               {"1 h 5 min", "1 h 5 min"},
		50 * time.Hour:                 {"2 d 2 h", "2 d 2 h"},
	} {
		if got := [2]string{Duration(d), Elapsed(d)}; got != want {
			t.Errorf("%v reads %q, expected %q", d, got, want)
		}
	}
	for s, want := range map[float64]string{
		0: NotKnown, -1: NotKnown, math.NaN(): NotKnown, math.Inf(1): NotKnown,
		0.2: "about 1 s", 40: "about 40 s", 89.4: "about 89 s", 240: "about 4 min", 5000: "about 83 min",
		5400: "about 1 h 30 min", 7200: "about 2 h", 40000: "about 11 h", 36e6: "about 10,000 h",
	} {
		if got := About(s); got != want {
			t.Errorf("About(%v) = %q, expected %q", s, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 rows", 1: "1 row", 999: "999 rows", 1000: "1,000 rows", -1234567: "-1,234,567 rows"} {
		if got := Count(n, "row", "rows"); got != want {
			t.Errorf("Count(%d) = %q, expected %q", n, got, want)
		}
	}
}
