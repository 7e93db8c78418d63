package cron

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, text string) Expr {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func in(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	return zone
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"15 6 * * 1-5": "15 6 * * 1-5", "  0\t3 *  * * ": "0 3 * * *", "0 0 1 JAN mon-FRI": "0 0 1 1 1-5", "0 0 * * sat-sun": "0 0 * * 6-7",
		"0 0 * * sun": "0 0 * * 0", "0 0 * * 7": "0 0 * * 7", "0 0 * * sun-tue": "0 0 * * 0-2", "*/15 8-18/2 1,15 * *": "*/15 8-18/2 1,15 * *",
		"0 0 29 2 *": "0 0 29 2 *", "0 0 31 2,3 *": "0 0 31 2,3 *", "007 06 * * *": "7 6 * * *",
		"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@Weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@annually": "0 0 1 1 *", "@hourly": "0 * * * *",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("%q: found %q, expected %q", text, got, want)
		}
		if again := parse(t, want).String(); again != want {
			t.Errorf("%q is not read as it is written: %q", want, again)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "it has 0 fields; expected five",
		"15 6 * *":               "it has 4 fields",
		"6":                      "it has one field",
		"0 15 6 * * 1-5":         "it has 6 fields",
		"15 6 * * 1-5\n":         "more than one line",
		"60 6 * * *":             `the minute "60" has 60, which is out of range; allowed are 0-59`,
		"0 24 * * *":             `the hour "24" has 24, which is out of range; allowed are 0-23`,
		"0 0 0 * *":              `the day of month "0" has 0, which is out of range`,
		"0 0 32 * *":             "out of range",
		"0 0 1 13 *":             `allowed are 1-12 or jan-dec`,
		"0 0 1 0 *":              "out of range",
		"0 0 * * 8":              `the day of week "8" has 8, which is out of range; allowed are 0-7 (0 and 7 are Sunday) or sun-sat`,
		"0 0 31 2 *":             `the day of month "31" never comes in the month "2": the longest of them has 29 days`,
		"0 0 30-31 feb 1":        "never comes",
		"0 0 31 4,6,9 *":         "the longest of them has 30 days",
		"0 0 * * 5-1":            "runs backwards",
		"0 0 * * fri-mon":        "runs backwards",
		"0 22-2 * * *":           "the range 22-2, which runs backwards",
		"5/10 * * * *":           "has a step without a range in 5/10; write 5-59/10",
		"*/0 * * * *":            `has the step "0"`,
		"*/90 * * * *":           `has the step "90", which is not a number from 1 to 59`,
		"*/ * * * *":             `has the step ""`,
		"1,,2 * * * *":           "has an empty part",
		"1, * * * *":             "has an empty part",
		"-5 * * * *":             "not a number",
		"+5 * * * *":             "not a number",
		"1.5 * * * *":            "not a number",
		"1-2-3 * * * *":          "not a number",
		"* * L * *":              "another scheduler's",
		"0 0 ? * *":              "another scheduler's",
		"0 0 * * 5#2":            "another scheduler's",
		"0~30 * * * *":           "another scheduler's",
		"0 0 * * monday":         "not a number or a name",
		"0 0 * mon *":            "not a number or a name",
		"0 0 * * *;reboot":       "not a number",
		"@reboot":                "@reboot is no time",
		"@fortnightly":           "the nicknames are @hourly, @daily",
		"**  * * * *":            "not a number",
		"0 99999999999999 * * *": "not a number",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q: found %v, expected %q", text, err, want)
		}
	}
}

func TestOnCalendar(t *testing.T) {
	for text, want := range map[string][]string{
		"15 6 * * 1-5":       {"Mon..Fri *-*-* 06:15:00"},
		"0 3 * * *":          {"*-*-* 03:00:00"},
		"*/15 8-18 * * *":    {"*-*-* 08..18:00,15,30,45:00"},
		"0 0 1,15 * *":       {"*-*-01,15 00:00:00"},
		"0 0 1 jan-mar,12 *": {"*-01..03,12-01 00:00:00"},
		"0 0 * * 6,7":        {"Sat,Sun *-*-* 00:00:00"},
		"0 0 * * 0,5,6":      {"Fri..Sun *-*-* 00:00:00"},
		"0 0 13 * 5":         {"*-*-13 00:00:00", "Fri *-*-* 00:00:00"},
		"0 0 */2 * 1":        {"Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00"},
		"0 0 1-31 * 1":       {"*-*-* 00:00:00"},
		"0 0 1 * 0-7":        {"*-*-* 00:00:00"},
		"* * * * *":          {"*-*-* *:*:00"},
	} {
		if diff := cmp.Diff(want, parse(t, text).OnCalendar()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestNext(t *testing.T) {
	paris, santiago := in(t, "Europe/Paris"), in(t, "America/Santiago")
	const form = "2006-01-02T15:04:05-07:00"
	for _, tc := range []struct {
		expr  string
		after time.Time
		want  string
	}{
		{"15 6 * * 1-5", time.Date(2026, 11, 27, 6, 14, 59, 0, paris), "2026-11-27T06:15:00+01:00"},
		{"15 6 * * 1-5", time.Date(2026, 11, 27, 6, 15, 0, 0, paris), "2026-11-30T06:15:00+01:00"},
		{"0 0 29 2 *", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "2028-02-29T00:00:00+00:00"},
		{"0 0 29 2 */7", time.Date(2076, 3, 1, 0, 0, 0, 0, time.UTC), "2088-02-29T00:00:00+00:00"}, // the next that is a Sunday
		{"0 0 13 * 5", time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC), "2026-11-13T00:00:00+00:00"},
		{"0 0 13 * 5", time.Date(2026, 11, 13, 12, 0, 0, 0, time.UTC), "2026-11-20T00:00:00+00:00"},
		{"0 0 * * 7", time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), "2026-11-29T00:00:00+00:00"},
		// The clock goes on by an hour: what is skipped comes at once.
		{"30 2 * * *", time.Date(2027, 3, 28, 1, 0, 0, 0, paris), "2027-03-28T03:00:00+02:00"},
		{"30 2 * * *", time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC).In(paris), "2027-03-29T02:30:00+02:00"},
		{"30 * * * *", time.Date(2027, 3, 28, 1, 30, 0, 0, paris), "2027-03-28T03:30:00+02:00"},
		// It goes back: a fixed time comes once, the first time.
		{"30 2 * * *", time.Date(2026, 10, 25, 1, 0, 0, 0, paris), "2026-10-25T02:30:00+02:00"},
		{"30 2 * * *", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(paris), "2026-10-26T02:30:00+01:00"},
		{"30 * * * *", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(paris), "2026-10-25T02:30:00+01:00"},
		// At midnight, into another day.
		{"30 0 * * *", time.Date(2026, 9, 5, 12, 0, 0, 0, santiago), "2026-09-06T01:00:00-03:00"},
		{"30 23 * * *", time.Date(2027, 4, 3, 12, 0, 0, 0, santiago), "2027-04-03T23:30:00-03:00"},
		{"30 23 * * *", time.Date(2027, 4, 4, 2, 30, 0, 0, time.UTC).In(santiago), "2027-04-04T23:30:00-04:00"},
	} {
		if got := parse(t, tc.expr).Next(tc.after).Format(form); got != tc.want {
			t.Errorf("%q after %s: found %s, expected %s", tc.expr, tc.after.Format(form), got, tc.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	paris := time.Date(2026, 11, 25, 12, 0, 0, 0, in(t, "Europe/Paris"))
	utc := paris.In(time.UTC)
	for _, tc := range []struct {
		expr string
		now  time.Time
		want []string
	}{
		{"15 6 * * 1-5", paris, nil},
		{"0 3 13 * 5", utc, []string{"fit either of them"}},
		{"0 3 31 * *", utc, []string{"no day 31"}},
		{"0 3 29,30 * *", utc, []string(nil)},
		{"0 3 30 * *", utc, []string{"no day 30"}},
		{"0 3 29 2 *", utc, []string{"29 February"}},
		{"30 2 * * *", utc, nil},
		{"*/30 * * * *", paris, nil},
		{"30 2 * * *", paris, []string{
			"on 2027-03-28 the clock changes in Europe/Paris, and 02:30 does not exist: cron runs it when the clock goes on, systemd may leave it out; another hour is safer",
			"on 2027-10-31 the clock changes in Europe/Paris, and 02:30 comes twice: cron runs it once, systemd may run it twice; another hour is safer",
		}},
		{"30 2 * * 1-6", paris, nil}, // the clocks of Paris change on Sundays
	} {
		got := parse(t, tc.expr).Warnings(tc.now)
		if len(got) != len(tc.want) {
			t.Errorf("%q: found %q", tc.expr, got)
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%q: found %q, expected %q", tc.expr, got[i], want)
			}
		}
	}
}

// expressions are of all forms.
var expressions = []string{
	"15 6 * * 1-5", "*/7 */5 * * *", "0 0 13 * 5", "0 0 */2 * 1", "59 23 31 12 *", "0 0 29 2 *", "5,10-20/3 1-3 1-7 * *", "0 12 1 1,7 sat-sun",
	"0 0 * * */2", "30 2 28-31 3,10 *", "0 4 1-31 * 3",
}

// TestNextAgainstEveryMinute walks through minutes without a clock change.
func TestNextAgainstEveryMinute(t *testing.T) {
	for _, text := range expressions {
		e := parse(t, text)
		at := time.Date(2027, 12, 30, 0, 0, 0, 0, time.UTC)
		next := e.Next(at)
		for end := at.AddDate(0, 3, 0); at.Before(end); {
			at = at.Add(time.Minute)
			fits := e.minute.has(at.Minute()) && e.hour.has(at.Hour()) && e.On(at.Date())
			if fits != at.Equal(next) {
				t.Fatalf("%q at %s: fits: %v, next: %s", text, at, fits, next)
			}
			if fits {
				next = e.Next(at)
			}
		}
	}
}

// TestSystemdReadsTheSame asks the real systemd for the next times.
func TestSystemdReadsTheSame(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there")
	}
	base := time.Date(2027, 12, 30, 5, 0, 0, 0, time.UTC)
	for _, text := range expressions {
		e := parse(t, text)
		// Two events are one schedule: the sooner of both comes.
		var found time.Time
		for _, event := range e.OnCalendar() {
			cmd := exec.Command(program, "calendar", "--base-time=2027-12-30 05:00:00 UTC", event)
			cmd.Env = []string{"TZ=UTC", "LC_ALL=C"}
			out, err := cmd.CombinedOutput()
			if err != nil && strings.Contains(string(out), "unrecognized option") {
				t.Skip("this systemd-analyze is too old")
			}
			if err != nil {
				t.Fatalf("%q is not taken: %v\n%s", event, err, out)
			}
			_, rest, _ := strings.Cut(string(out), "Next elapse: ")
			line, _, _ := strings.Cut(rest, "\n")
			at, err := time.Parse("Mon 2006-01-02 15:04:05 MST", strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if found.IsZero() || at.Before(found) {
				found = at
			}
		}
		if want := e.Next(base); !found.Equal(want) {
			t.Errorf("%q as %q: systemd says %s, expected %s", text, e.OnCalendar(), found, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range append(expressions, "@daily", "0 0 31 2 *", "5/10 * * * *") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(e.String())
		if err != nil || again != e {
			t.Fatalf("%q is written as %q and read as %+v, %v", text, e, again, err)
		}
		if strings.Trim(e.String(), "0123456789*/,- ") != "" {
			t.Errorf("%q has more than cron's characters", e)
		}
		after := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
		if next := e.Next(after); !next.After(after) {
			t.Errorf("%q never runs", e)
		}
		for _, event := range e.OnCalendar() {
			if strings.Contains(event, "--") || strings.Contains(event, "::") || strings.ContainsAny(event, "%\n") {
				t.Errorf("%q becomes %q", e, event)
			}
		}
	})
}
