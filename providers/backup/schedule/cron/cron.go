// Package cron reads the five fields of a crontab entry, more strictly than
// cron does: what cron would take and never run, or run otherwise than it looks,
// is refused or warned of. It is own code: the libraries at hand accept more
// than five fields, or dates that never come, and none writes the calendar
// events of systemd.
package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Expr is a valid expression.
type Expr struct {
	text                          string
	minute, hour, day, month, dow set
	// A field that begins with a star does not restrict, even with a step:
	// that is how cron reads it.
	starMinute, starHour, starDay, starDow bool
}

// set is a set of small numbers.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }
func (s set) count() int     { return bits.OnesCount64(uint64(s)) }
func (s set) min() int       { return bits.TrailingZeros64(uint64(s)) }

// field is what may stand in one of the five.
type field struct {
	name     string
	min, max int
	names    []string // the first stands for number first
	first    int
	allowed  string
}

var fields = [5]field{
	{name: "minute", max: 59, allowed: "0-59"},
	{name: "hour", max: 23, allowed: "0-23"},
	{name: "day of month", min: 1, max: 31, allowed: "1-31"},
	{name: "month", min: 1, max: 12, names: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec"), first: 1, allowed: "1-12 or jan-dec"},
	{name: "day of week", max: 7, names: strings.Fields("sun mon tue wed thu fri sat"), allowed: "0-7 (0 and 7 are Sunday) or sun-sat"},
}

const sunday = 7

// nicknames are cron's words for common expressions.
var nicknames = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// Parse reads "MINUTE HOUR DAY MONTH WEEKDAY", or a nickname such as "@daily".
// The error names the field, its value, and what is allowed.
func Parse(text string) (Expr, error) {
	wrong := func(format string, args ...any) (Expr, error) {
		return Expr{}, fmt.Errorf("cron expression %q: %s", text, fmt.Sprintf(format, args...))
	}
	given := strings.ToLower(text)
	if strings.HasPrefix(given, "@") {
		full, ok := nicknames[given]
		if !ok && given == "@reboot" {
			return wrong("@reboot is no time: a backup at each start of the machine is not a schedule; write five fields, such as \"15 6 * * 1-5\"")
		}
		if !ok {
			return wrong("the nickname is unknown; the nicknames are @hourly, @daily (or @midnight), @weekly, @monthly, @yearly (or @annually)")
		}
		given = full
	}
	if strings.ContainsAny(given, "\r\n") {
		return wrong("it has more than one line")
	}
	parts := strings.Fields(given)
	if len(parts) != len(fields) {
		return wrong("it has %s; expected five: minute, hour, day of month, month, day of week (no seconds, no year), such as \"15 6 * * 1-5\"", count(len(parts)))
	}
	var sets [5]set
	for i, f := range fields {
		s, canonical, err := f.parse(parts[i])
		if err != nil {
			return wrong("the %s %q %s; allowed are %s, lists (1,2), ranges (1-5), steps (*/10, 1-31/2) and *", f.name, parts[i], err, f.allowed)
		}
		sets[i], parts[i] = s, canonical
	}
	star := func(i int) bool { return strings.HasPrefix(parts[i], "*") }
	e := Expr{
		text: strings.Join(parts, " "), minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], dow: sets[4],
		starMinute: star(0), starHour: star(1), starDay: star(2), starDow: star(4),
	}
	if e.dow.has(sunday) {
		e.dow = e.dow&^(1<<sunday) | 1
	}
	if first := e.day.min(); e.longestMonth() < first {
		return wrong("the day of month %q never comes in the month %q: the longest of them has %d days", parts[2], parts[3], e.longestMonth())
	}
	return e, nil
}

// String returns the expression with single spaces and numbers for names: cron
// programs differ in where they take names.
func (e Expr) String() string { return e.text }

// Either reports whether day of month and day of week both restrict: cron then
// runs on days that fit either, not both.
func (e Expr) Either() bool { return !e.starDay && !e.starDow }

// daysIn is how long a month can be.
var daysIn = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func (e Expr) longestMonth() int {
	longest := 0
	for m := 1; m <= 12; m++ {
		if e.month.has(m) {
			longest = max(longest, daysIn[m])
		}
	}
	return longest
}

// parse reads one field: a list of parts. canonical has numbers for names.
func (f field) parse(text string) (s set, canonical string, err error) {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		one, canonical, err := f.part(part)
		if err != nil {
			return 0, "", err
		}
		s |= one
		out = append(out, canonical)
	}
	return s, strings.Join(out, ","), nil
}

// part reads "*", "N", "A-B", each but N with "/STEP".
func (f field) part(text string) (s set, canonical string, err error) {
	if text == "" {
		return 0, "", fmt.Errorf("has an empty part")
	}
	span, step, stepped := strings.Cut(text, "/")
	from, to, ranged := strings.Cut(span, "-")
	low, high := f.min, f.max
	switch {
	case span == "*":
		canonical = "*"
		if f.max == sunday {
			high = sunday - 1
		}
	case ranged:
		if low, err = f.number(from, false); err != nil {
			return 0, "", err
		}
		if high, err = f.number(to, true); err != nil {
			return 0, "", err
		}
		if low > high {
			return 0, "", fmt.Errorf("has the range %s, which runs backwards", span)
		}
		canonical = fmt.Sprintf("%d-%d", low, high)
	case stepped:
		return 0, "", fmt.Errorf("has a step without a range in %s; write %s-%d/%s", text, span, f.max, step)
	default:
		if low, err = f.number(span, false); err != nil {
			return 0, "", err
		}
		high, canonical = low, strconv.Itoa(low)
	}
	by := 1
	if stepped {
		by, err = whole(step)
		if err != nil || by < 1 || by > f.max {
			return 0, "", fmt.Errorf("has the step %q, which is not a number from 1 to %d", step, f.max)
		}
		canonical += "/" + step
	}
	for n := low; n <= high; n += by {
		s |= 1 << n
	}
	return s, canonical, nil
}

// number reads a number or a name. Sunday ends a range as 7: sat-sun.
func (f field) number(text string, ends bool) (int, error) {
	for i, name := range f.names {
		if text != name {
			continue
		}
		if n := f.first + i; n != 0 || !ends {
			return n, nil
		}
		return sunday, nil
	}
	n, err := whole(text)
	switch {
	case err != nil && strings.ContainsAny(text, "?lw#~"):
		return 0, fmt.Errorf("has %q, which is not cron's but another scheduler's", text)
	case err != nil:
		return 0, fmt.Errorf("has %q, which is not a number or a name", text)
	case n < f.min || n > f.max:
		return 0, fmt.Errorf("has %s, which is out of range", text)
	}
	return n, nil
}

// whole reads digits and nothing else: no sign, no space.
func whole(text string) (int, error) {
	if len(text) > 3 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}

func count(n int) string {
	if n == 1 {
		return "one field"
	}
	return fmt.Sprintf("%d fields", n)
}
