package archive

import (
	"testing"
	"time"
)

func TestPaxTime(t *testing.T) {
	for expected, at := range map[string]time.Time{
		"0":             time.Unix(0, 0),
		"7.5":           time.Unix(7, 500_000_000),
		"7.000000001":   time.Unix(7, 1),
		"10.1":          time.Unix(10, 100_000_000),
		"-1":            time.Unix(-1, 0),
		"-0.999999999":  time.Unix(-1, 1),
		"-1.5":          time.Unix(-2, 500_000_000),
		"8589934592.25": time.Unix(1<<33, 250_000_000),
	} {
		if got := paxTime(at); got != expected {
			t.Errorf("paxTime(%d, %d) = %q, expected %q", at.Unix(), at.Nanosecond(), got, expected)
		}
	}
}

// Members are many: what an ordinary one costs counts.
func TestHeaderHardlyAllocates(t *testing.T) {
	h := header{Member: Member{Path: "config/a.json", Type: File, Size: 12, Mode: 0o644, ModTime: time.Unix(7, 123_456_789)}}
	head, line := make([]byte, 0, 4096), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { head = appendHeader(head[:0], &h) }); n > 1 { // the name of its PAX header
		t.Errorf("a header costs %v allocations, expected 1 at most", n)
	}
	if n := testing.AllocsPerRun(100, func() { line = appendMember(line[:0], &h.Member) }); n > 0 {
		t.Errorf("a line of the index costs %v allocations, expected none", n)
	}
}
