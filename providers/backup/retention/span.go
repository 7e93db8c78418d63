package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a length of time in the calendar's units: "1y6m", "30d", "2w", "36h".
// Years, months and days are those of the calendar; a week is seven days.
type Span struct {
	Years, Months, Days, Hours int
}

// largest bounds each number: dates stay within what can be counted.
const largest = 100_000

// ParseSpan reads a span.
func ParseSpan(text string) (Span, error) {
	wrong := func(why string) (Span, error) {
		return Span{}, fmt.Errorf("retention: the span %q %s; write numbers with y, m (months), w, d or h, from the largest to the smallest, such as \"30d\" or \"1y6m\"", text, why)
	}
	if text == "" {
		return wrong("is empty")
	}
	const units = "ymwdh"
	var s Span
	for rest, from := text, 0; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) {
			return wrong("does not end each number with a unit")
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n > largest {
			return wrong(fmt.Sprintf("has a number above %d", largest))
		}
		unit := strings.IndexByte(units, rest[digits])
		switch {
		case unit < 0:
			return wrong(fmt.Sprintf("has an unknown unit at %q", rest[digits:]))
		case unit < from:
			return wrong(fmt.Sprintf("has %q twice or too late", rest[digits:digits+1]))
		}
		switch units[unit] {
		case 'y':
			s.Years = n
		case 'm':
			s.Months = n
		case 'w':
			s.Days += 7 * n
		case 'd':
			s.Days += n
		case 'h':
			s.Hours = n
		}
		rest, from = rest[digits+1:], unit+1
	}
	if s.zero() {
		return wrong("is no time at all")
	}
	return s, nil
}

func (s Span) zero() bool { return s == Span{} }

// String writes the span so that ParseSpan reads it; "" for none.
func (s Span) String() string {
	var b strings.Builder
	for _, part := range []struct {
		n    int
		unit byte
	}{{s.Years, 'y'}, {s.Months, 'm'}, {s.Days, 'd'}, {s.Hours, 'h'}} {
		if part.n != 0 {
			b.WriteString(strconv.Itoa(part.n))
			b.WriteByte(part.unit)
		}
	}
	return b.String()
}

// MarshalText writes what String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSpan does, and "" as none.
func (s *Span) UnmarshalText(b []byte) (err error) {
	*s = Span{}
	if len(b) > 0 {
		*s, err = ParseSpan(string(b))
	}
	return err
}

// before returns the time that lies the span before t, in t's zone.
func (s Span) before(t time.Time) time.Time {
	return t.AddDate(-s.Years, -s.Months, -s.Days).Add(-time.Duration(s.Hours) * time.Hour)
}

// covers reports whether the span is at least as long as another one, wherever
// both end in the calendar.
func (s Span) covers(o Span) bool {
	if s.Years >= o.Years && s.Months >= o.Months && s.Days >= o.Days && s.Hours >= o.Hours {
		return true
	}
	// A clock change or two may lie in a span; zones have even skipped a day.
	const margin = 48
	shortest := 24*(365*s.Years+28*s.Months+s.Days) + s.Hours
	longest := 24*(366*o.Years+31*o.Months+o.Days) + o.Hours
	return shortest >= longest+margin
}
