// Package humanize turns numbers into the words of a terminal: sizes, times,
// counts. What is not known is said, never shown as zero.
package humanize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// NotKnown stands where there is no figure.
const NotKnown = "not known"

var units = []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// Bytes returns a size: "512 bytes", "1.3 GiB", "240 MiB". A negative one is
// not known.
func Bytes(n int64) string {
	switch {
	case n < 0:
		return NotKnown
	case n < 1024:
		return Count(n, "byte", "bytes")
	}
	v, i := float64(n)/1024, 0
	// Never more than three digits before the unit.
	for v >= 999.5 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if v < 99.95 {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}

// Rate returns bytes a second: "120 MiB/s".
func Rate(perSecond float64) string {
	if !(perSecond > 0) || perSecond > math.MaxInt64 {
		return NotKnown
	}
	return Bytes(int64(perSecond)) + "/s"
}

// Duration returns a time that was measured: "340 ms", "2.1 s", "4 min 10 s",
// "1 h 5 min".
func Duration(d time.Duration) string {
	if d < 0 { // the clock was set back meanwhile
		d = 0
	}
	switch {
	case d < time.Millisecond:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute-50*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return whole(d)
}

// Elapsed returns a time that is running, without parts of a second: "12 s".
func Elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	}
	return whole(d)
}

func whole(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	h, m := s/3600, s/60%60
	switch s %= 60; {
	case h >= 24:
		return two(h/24, "d", h%24, "h")
	case h > 0:
		return two(h, "h", m, "min")
	default:
		return two(m, "min", s, "s")
	}
}

func two(a int64, unit string, b int64, small string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unit)
	}
	return fmt.Sprintf("%d %s %d %s", a, unit, b, small)
}

// About returns an estimate in seconds: "about 40 s", "about 4 min". Zero is
// not known.
func About(seconds float64) string {
	switch {
	case !(seconds > 0) || seconds > 1e9:
		return NotKnown
	case seconds < 90:
		return fmt.Sprintf("about %.0f s", math.Max(1, seconds))
	case seconds < 90*60:
		return fmt.Sprintf("about %.0f min", seconds/60)
	case seconds < 10*3600:
		quarter := math.Round(seconds / 900)
		return "about " + two(int64(quarter)/4, "h", int64(quarter)%4*15, "min")
	default:
		return fmt.Sprintf("about %s h", Number(int64(math.Round(seconds/3600))))
	}
}

// Number returns n with commas: "12,345".
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, parts...), ",")
}

// Count returns a number of things: "1 instance", "12,000 rows".
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}
