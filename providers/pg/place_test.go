package pg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOwns(t *testing.T) {
	for _, tt := range []struct {
		place Place
		name  string
		want  bool
	}{
		{Place{Prefix: "dss_"}, "dss_jobs", true},
		{Place{Prefix: "dss_"}, "dssXjobs", false}, // "_" is no wildcard
		{Place{Prefix: "dss_"}, "dss_2_jobs", true},
		{Place{Prefix: "dss_", Others: []string{"dss_2_"}}, "dss_2_jobs", false},
		{Place{Prefix: "dss_", Others: []string{"dss_2_"}}, "dss_20", true},
		{Place{Prefix: "dss_", Others: []string{"DSS_2_"}}, "dss_2_jobs", true}, // begins with another letter case
		{Place{Prefix: "dss_2_", Others: []string{"dss_", ""}}, "dss_2_jobs", true},
		{Place{Prefix: "DSS_"}, "DSS_jobs", true},
		{Place{Prefix: "DSS_"}, "dss_jobs", true}, // unquoted by DSS
		{Place{Prefix: "DSS_"}, "Dss_jobs", false},
		{Place{Prefix: "DSS_", Others: []string{"DSS_2_"}}, "dss_2_jobs", false},
		{Place{Prefix: "dss_"}, "DSS_jobs", false},
		{Place{}, "anything", true},
		{Place{Others: []string{"b_"}}, "b_jobs", false},
		{Place{Prefix: `a%'"`}, `a%'"jobs`, true},
	} {
		if got := tt.place.Owns(tt.name); got != tt.want {
			t.Errorf("%+v owns %s: %t", tt.place, tt.name, got)
		}
	}
}

func TestPrefixGuesses(t *testing.T) {
	p := Place{Prefix: "dss_"}
	if got := p.LongerPrefix([]string{"dss_2_jobs", "dss_2_metrics"}); got != "dss_2_" {
		t.Errorf("%q", got)
	}
	if got := p.LongerPrefix([]string{"dss_jobs", "dss_metrics"}); got != "" {
		t.Errorf("%q", got)
	}
	if got := (Place{}).LongerPrefix([]string{"x"}); got != "" {
		t.Errorf("%q", got)
	}
	got := p.otherPrefixes([]string{"dss_jobs", "dss_runs"}, []string{"b_jobs", "b_runs", "jobs", "odd", "c_jobs"})
	if diff := cmp.Diff([]string{"", "b_", "c_"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuoteAndClip(t *testing.T) {
	if got := Quote("a b", `c"d`); got != `"a b"."c""d"` {
		t.Error(got)
	}
	long := strings.Repeat("x", 62) + "é" // 64 bytes
	if got := clip(long); got != strings.Repeat("x", 62) {
		t.Error(got)
	}
	m := &move{from: Place{Prefix: "a_"}, to: Place{Prefix: "b_"}, taken: map[string]bool{}}
	names := map[string]bool{}
	for _, old := range []string{"a_" + strings.Repeat("i", 61), "a_" + strings.Repeat("i", 60), "plain", "plain"} {
		n := m.name(old)
		if len(n) > nameBytes || names[n] {
			t.Errorf("%s becomes %s: too long or used twice", old, n)
		}
		names[n] = true
	}
}

func TestParseJDBC(t *testing.T) {
	for url, want := range map[string]JDBCURL{
		"jdbc:postgresql://h:1234/db":                       {Host: "h", Port: 1234, Database: "db"},
		"JDBC:postgresql://h/d%20b?ssl=true&user=a%40b":     {Host: "h", Database: "d b", Properties: map[string]string{"ssl": "true", "user": "a@b"}},
		"jdbc:postgresql:db":                                {Host: "localhost", Database: "db"},
		"jdbc:postgresql:/":                                 {Host: "localhost"},
		"jdbc:postgresql://[::1]:5433/db?currentSchema=x,y": {Host: "::1", Port: 5433, Database: "db", Properties: map[string]string{"currentSchema": "x,y"}},
		"jdbc:postgresql://h/?flag":                         {Host: "h", Properties: map[string]string{"flag": ""}},
	} {
		got, err := ParseJDBC(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if want.Properties == nil {
			want.Properties = map[string]string{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
	for _, url := range []string{"", "jdbc:h2:x", "postgresql://h/d", "jdbc:postgresql://a,b/d", "jdbc:postgresql://u:planted@h/d", "jdbc:postgresql://h:x/d", "jdbc:postgresql://h/%zz", "jdbc:postgresql://h/d?x=%zplanted"} {
		if _, err := ParseJDBC(url); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: error %v, want one that does not repeat the URL", url, err)
		}
	}
}

// What is written is read as it was meant.
func TestJDBCString(t *testing.T) {
	for want, u := range map[string]JDBCURL{
		"jdbc:postgresql://h:1234/db":                             {Host: "h", Port: 1234, Database: "db", Properties: map[string]string{}},
		"jdbc:postgresql://[::1]:5432/d%20b?currentSchema=x&ssl=": {Host: "::1", Port: 5432, Database: "d b", Properties: map[string]string{"ssl": "", "currentSchema": "x"}},
		"jdbc:postgresql://h:5432/a%2Fb?o=a+b%26c%3D%25%2B":       {Host: "h", Port: 5432, Database: "a/b", Properties: map[string]string{"o": "a b&c=%+"}},
	} {
		if got := u.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		again, err := ParseJDBC(u.String())
		if diff := cmp.Diff(u, again); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", want, err, diff)
		}
	}
	if got, want := (JDBCURL{Host: "h", Database: "d"}).String(), "jdbc:postgresql://h:5432/d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParseJDBC(f *testing.F) {
	f.Add("jdbc:postgresql://[::1]:5433/db?a=b")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseJDBC(s)
		if err == nil && (u.Host == "" && !strings.Contains(s, "[")) && !strings.Contains(s, "//:") {
			t.Errorf("%q has no host", s)
		}
		if u.Port < 0 || u.Port > 65535 {
			t.Errorf("%q has port %d", s, u.Port)
		}
	})
}

func TestSSLMode(t *testing.T) {
	for _, tt := range []struct {
		properties map[string]string
		want       string
	}{
		{nil, "prefer"},
		{map[string]string{"ssl": "true"}, "verify-full"},
		{map[string]string{"ssl": ""}, "verify-full"},
		{map[string]string{"ssl": "false"}, "prefer"},
		{map[string]string{"ssl": "true", "sslmode": "require"}, "require"},
		{map[string]string{"sslmode": "bad"}, ""},
	} {
		if got, _ := sslMode(tt.properties); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.properties, got, tt.want)
		}
	}
}
