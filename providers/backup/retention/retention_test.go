package retention

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	return zone
}

// sets reads lines "2026-11-22 03:00 [damaged|unverified] [pinned] [needs=a,b] [utc]";
// the id is the first field that has an =: "id=a", or else the time.
func sets(t testing.TB, zone *time.Location, text string) []Set {
	t.Helper()
	var out []Set
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fields := strings.Fields(line)
		at, err := time.ParseInLocation("2006-01-02 15:04", fields[0]+" "+fields[1], zone)
		if err != nil {
			t.Fatal(err)
		}
		s := Set{ID: fields[0] + "T" + fields[1], Time: at.UTC(), State: Good}
		for _, f := range fields[2:] {
			switch name, value, _ := strings.Cut(f, "="); name {
			case "damaged":
				s.State = Damaged
			case "unverified":
				s.State = Unverified
			case "pinned":
				s.Pinned = true
			case "id":
				s.ID = value
			case "needs":
				s.Needs = strings.Split(value, ",")
			case "utc":
				s.Time = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
			default:
				t.Fatalf("unknown: %s", f)
			}
		}
		out = append(out, s)
	}
	return out
}

func show(decisions []Decision) string {
	var b strings.Builder
	for _, d := range decisions {
		verb := "remove"
		if d.Keep {
			verb = "keep"
		}
		fmt.Fprintf(&b, "%s %s: %s\n", verb, d.Set, strings.Join(d.Reasons, "; "))
	}
	return b.String()
}

func TestDecide(t *testing.T) {
	for name, tc := range map[string]struct {
		sets   string
		policy Policy
		want   string
	}{
		"no rule keeps everything": {
			sets: "2026-11-20 03:00 id=a damaged\n2026-11-21 03:00 id=b",
			want: "keep b: no rule removes anything\nkeep a: no rule removes anything\n",
		},
		"last": {
			sets:   "2026-11-19 03:00 id=a\n2026-11-20 03:00 id=b\n2026-11-21 03:00 id=c",
			policy: Policy{KeepLast: 2},
			want:   "keep c: the last good set; last 1 of 2\nkeep b: last 2 of 2\nremove a: no rule keeps it\n",
		},
		"the newest of each day, and every rule is named": {
			sets: `2026-11-20 03:00 id=a
2026-11-20 15:00 id=b
2026-11-21 03:00 id=c
2026-11-22 03:00 id=d
2026-11-22 15:00 id=e`,
			policy: Policy{KeepLast: 2, KeepDaily: 3},
			want: `keep e: the last good set; last 1 of 2; daily 1 of 3 (2026-11-22)
keep d: last 2 of 2
keep c: daily 2 of 3 (2026-11-21)
keep b: daily 3 of 3 (2026-11-20)
remove a: no rule keeps it
`,
		},
		"weeks are those of ISO 8601, also at the year's end": {
			sets: `2026-12-24 03:00 id=a
2026-12-28 03:00 id=b
2027-01-03 03:00 id=c
2027-01-04 03:00 id=d`,
			policy: Policy{KeepWeekly: 3},
			want: `keep d: the last good set; weekly 1 of 3 (2027-W01)
keep c: weekly 2 of 3 (2026-W53)
remove b: no rule keeps it
keep a: weekly 3 of 3 (2026-W52)
`,
		},
		"months and years": {
			sets: `2024-05-01 03:00 id=a
2025-12-31 03:00 id=b
2026-01-31 23:30 id=c
2026-02-01 00:30 id=d`,
			policy: Policy{KeepMonthly: 2, KeepYearly: 3},
			want: `keep d: the last good set; monthly 1 of 2 (2026-02); yearly 1 of 3 (2026)
keep c: monthly 2 of 2 (2026-01)
keep b: yearly 2 of 3 (2025)
keep a: yearly 3 of 3 (2024)
`,
		},
		"the hour that comes twice is two hours": {
			sets:   "2026-10-24 23:30 id=a utc\n2026-10-25 00:30 id=b utc\n2026-10-25 01:30 id=c utc",
			policy: Policy{KeepHourly: 2},
			want: `keep c: the last good set; hourly 1 of 2 (2026-10-25 02h, UTC+01:00)
keep b: hourly 2 of 2 (2026-10-25 02h, UTC+02:00)
remove a: no rule keeps it
`,
		},
		"days are local": {
			sets:   "2026-11-21 23:30 id=a\n2026-11-22 00:30 id=b",
			policy: Policy{KeepDaily: 2},
			want:   "keep b: the last good set; daily 1 of 2 (2026-11-22)\nkeep a: daily 2 of 2 (2026-11-21)\n",
		},
		"within counts from the newest good set, not from now": {
			sets:   "2026-01-01 03:00 id=a\n2026-01-02 03:00 id=b\n2026-01-03 02:59 id=c\n2026-01-05 03:00 id=d",
			policy: Policy{KeepWithin: Span{Days: 3}},
			want: `keep d: the last good set; within 3d of the newest (since 2026-01-02 03:00)
keep c: within 3d of the newest (since 2026-01-02 03:00)
keep b: within 3d of the newest (since 2026-01-02 03:00)
remove a: no rule keeps it
`,
		},
		"bad sets take no place and do not stay": {
			sets: `2026-11-19 03:00 id=a
2026-11-20 03:00 id=b damaged
2026-11-21 03:00 id=c unverified
2026-11-22 03:00 id=d`,
			policy: Policy{KeepLast: 2},
			want: `keep d: the last good set; last 1 of 2
remove c: not verified, and a newer set is good
remove b: damaged, and a newer set is good
keep a: last 2 of 2
`,
		},
		"nothing goes for a set that is not verified": {
			sets:   "2026-11-20 03:00 id=a\n2026-11-21 03:00 id=b\n2026-11-22 03:00 id=c unverified",
			policy: Policy{KeepLast: 2},
			want:   "keep c: not verified, and no newer set is good\nkeep b: the last good set; last 1 of 2\nkeep a: last 2 of 2\n",
		},
		"the last good set stays under any rule": {
			sets:   "2026-01-01 03:00 id=a\n2026-11-21 03:00 id=b damaged",
			policy: Policy{KeepLast: 1},
			want:   "keep b: damaged, and no newer set is good\nkeep a: the last good set; last 1 of 1\n",
		},
		"without any good set all stay": {
			sets:   "2026-01-01 03:00 id=a damaged\n2026-11-21 03:00 id=b unverified",
			policy: Policy{KeepLast: 1},
			want:   "keep b: not verified, and no newer set is good\nkeep a: damaged, and no newer set is good\n",
		},
		"what a kept set needs stays, and what that needs": {
			sets: `2026-11-18 03:00 id=full
2026-11-19 03:00 id=inc1 needs=full
2026-11-20 03:00 id=inc2 needs=inc1
2026-11-21 03:00 id=inc3 needs=inc2`,
			policy: Policy{KeepLast: 1},
			want: `keep inc3: the last good set; last 1 of 1
keep inc2: needed by inc3
keep inc1: needed by inc2
keep full: needed by inc1
`,
		},
		"many need one": {
			sets: `2026-11-16 03:00 id=full
2026-11-17 03:00 id=a needs=full
2026-11-18 03:00 id=b needs=full
2026-11-19 03:00 id=c needs=full
2026-11-20 03:00 id=d needs=full
2026-11-21 03:00 id=e needs=full`,
			policy: Policy{KeepLast: 5},
			want: `keep e: the last good set; last 1 of 5
keep d: last 2 of 5
keep c: last 3 of 5
keep b: last 4 of 5
keep a: last 5 of 5
keep full: needed by e; needed by d; needed by c; needed by 2 more
`,
		},
		"a set is as good as what it needs": {
			sets: `2026-11-17 03:00 id=old
2026-11-18 03:00 id=full damaged
2026-11-19 03:00 id=inc1 needs=full
2026-11-20 03:00 id=inc2 needs=inc1
2026-11-21 03:00 id=alone needs=gone`,
			policy: Policy{KeepLast: 1},
			want: `keep alone: without the set gone that it needs, and no newer set is good
keep inc2: in need of the set inc1, which is not whole itself, and no newer set is good
keep inc1: in need of the set full, which is damaged, and no newer set is good; needed by inc2
keep full: damaged, and no newer set is good; needed by inc1
keep old: the last good set; last 1 of 1
`,
		},
		"pinned": {
			sets:   "2026-11-19 03:00 id=a pinned damaged\n2026-11-20 03:00 id=b pinned needs=a0\n2026-11-21 03:00 id=c",
			policy: Policy{KeepLast: 1},
			want: `keep c: the last good set; last 1 of 1
keep b: pinned; without the set a0 that it needs
keep a: pinned; damaged
`,
		},
		"a set from the future takes no place": {
			sets:   "2026-11-20 03:00 id=a\n2026-11-21 03:00 id=b\n2036-01-01 03:00 id=c",
			policy: Policy{KeepLast: 1, KeepWithin: Span{Hours: 1}},
			want: `keep c: its time 2036-01-01T03:00:00+01:00 is yet to come: a clock is or was wrong
keep b: the last good set; last 1 of 1; within 1h of the newest (since 2026-11-21 02:00)
remove a: no rule keeps it
`,
		},
		"a circle of needs is no good set": {
			sets:   "2026-11-19 03:00 id=a\n2026-11-20 03:00 id=b needs=c\n2026-11-21 03:00 id=c needs=b",
			policy: Policy{KeepLast: 1},
			want: `keep c: in need of the set b, which is not whole itself, and no newer set is good; needed by b
keep b: in a circle of needs with the set c, and no newer set is good; needed by c
keep a: the last good set; last 1 of 1
`,
		},
		"nothing": {policy: Policy{KeepLast: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			zone := paris(t)
			var in []Set
			if tc.sets != "" {
				in = sets(t, zone, tc.sets)
			}
			now := time.Date(2027, 2, 1, 12, 0, 0, 0, zone)
			if diff := cmp.Diff(tc.want, show(Decide(in, tc.policy, now, zone))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	if err := (Policy{KeepLast: 3}).Check(); err != nil {
		t.Error(err)
	}
	err := Policy{KeepDaily: -1, KeepYearly: -2}.Check()
	if err == nil || !strings.Contains(err.Error(), "keep_daily is -1") || !strings.Contains(err.Error(), "keep_yearly is -2") {
		t.Errorf("found %v", err)
	}
}

func TestPolicyAsJSON(t *testing.T) {
	for _, p := range []Policy{{}, {KeepLast: 3, KeepWithin: Span{Years: 1, Days: 3}}} {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Policy
		if err := json.Unmarshal(b, &back); err != nil || back != p || p == (Policy{}) && string(b) != "{}" {
			t.Errorf("%+v is written as %s and read as %+v, %v", p, b, back, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"keep_within":"3x"}`), &Policy{}); err == nil {
		t.Error("a wrong span is read")
	}
}

func TestShrinks(t *testing.T) {
	within := func(text string) Policy {
		s, err := ParseSpan(text)
		if err != nil {
			t.Fatal(err)
		}
		return Policy{KeepWithin: s}
	}
	for _, tc := range []struct {
		old, now Policy
		want     bool
	}{
		{Policy{}, Policy{}, false},
		{Policy{}, Policy{KeepLast: 100}, true},
		{Policy{KeepLast: 1}, Policy{}, false},
		{Policy{KeepLast: 3}, Policy{KeepLast: 3, KeepDaily: 7}, false},
		{Policy{KeepLast: 3, KeepDaily: 7}, Policy{KeepLast: 4}, true},
		{Policy{KeepDaily: 7}, Policy{KeepDaily: 6}, true},
		{within("30d"), within("31d"), false},
		{within("30d"), within("29d"), true},
		{within("1m"), within("34d"), false},
		{within("1m"), within("30d"), true},
		{within("1y"), within("12m"), true}, // 12 times the shortest month is no year
		{within("1y"), within("1y1h"), false},
		{within("2w"), Policy{KeepLast: 9}, true},
	} {
		if got := Shrinks(tc.old, tc.now); got != tc.want {
			t.Errorf("from %+v to %+v: found %v", tc.old, tc.now, got)
		}
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]Span{
		"30d": {Days: 30}, "1y6m": {Years: 1, Months: 6}, "2w3d": {Days: 17}, "36h": {Hours: 36}, "1y2m3w4d5h": {1, 2, 25, 5},
	} {
		got, err := ParseSpan(text)
		if err != nil || got != want {
			t.Errorf("%s: found %+v, %v", text, got, err)
		}
		if again, err := ParseSpan(got.String()); err != nil || again != got {
			t.Errorf("%s: printed as %s, and read as %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"": "is empty", "30": "unit", "d": "unit", "3d2": "unit", "-1d": "unit", "1.5d": "unknown unit", "1d2d": "twice", "1h1d": "too late",
		"30 d": "unknown unit", "0d": "no time at all", "5s": "unknown unit", "999999999999999999999d": "above", "100001h": "above", "30D": "unknown unit",
	} {
		if _, err := ParseSpan(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"30d"`) {
			t.Errorf("%q: found %v, expected %q", text, err, want)
		}
	}
}
