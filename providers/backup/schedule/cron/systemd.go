package cron

import (
	"fmt"
	"strings"
)

// OnCalendar returns the same times as calendar events of systemd (see
// systemd.time(7)). There are two where days fit either of two fields, which
// one event cannot say.
func (e Expr) OnCalendar() []string {
	const (
		anyDay  = set(1<<32 - 1<<1)
		anyWeek = set(1<<7 - 1)
	)
	if e.Either() && e.day != anyDay && e.dow != anyWeek {
		return []string{e.event(e.day, anyWeek), e.event(anyDay, e.dow)}
	}
	if e.Either() {
		return []string{e.event(anyDay, anyWeek)}
	}
	return []string{e.event(e.day, e.dow)}
}

func (e Expr) event(day, dow set) string {
	var b strings.Builder
	if days := weekdays(dow); days != "" {
		b.WriteString(days + " ")
	}
	fmt.Fprintf(&b, "*-%s-%s %s:%s:00", list(e.month, 1, 12), list(day, 1, 31), list(e.hour, 0, 23), list(e.minute, 0, 59))
	return b.String()
}

// list writes a set as systemd does: "*", "01,03", "08..18".
func list(s set, low, high int) string {
	if s.count() == high-low+1 {
		return "*"
	}
	return ranges(s, low, high, func(n int) string { return fmt.Sprintf("%02d", n) })
}

// weekdays begin on Monday; "" is every day.
func weekdays(s set) string {
	if s.count() == sunday {
		return ""
	}
	if s.has(0) {
		s = s&^1 | 1<<sunday
	}
	names := [...]string{"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	return ranges(s, 1, sunday, func(n int) string { return names[n] })
}

// ranges writes three and more in a row as a range.
func ranges(s set, low, high int, name func(int) string) string {
	var out []string
	for n := low; n <= high; n++ {
		if !s.has(n) {
			continue
		}
		last := n
		for last < high && s.has(last+1) {
			last++
		}
		if last-n < 2 {
			out = append(out, name(n))
			continue
		}
		out = append(out, name(n)+".."+name(last))
		n = last
	}
	return strings.Join(out, ",")
}
