package pg

import "testing"

func TestMoveJDBC(t *testing.T) {
	for _, tt := range []struct {
		url, host string
		port      int
		database  string
		want      string
	}{
		{"jdbc:postgresql://a:5433/dss?sslmode=require&user=x%40y", "b", 0, "", "jdbc:postgresql://b:5433/dss?sslmode=require&user=x%40y"},
		{"jdbc:postgresql://a/dss", "", 6000, "copy of dss", "jdbc:postgresql://a:6000/copy%20of%20dss"},
		{"jdbc:postgresql:dss?ssl=true", "b", 0, "", "jdbc:postgresql://b:5432/dss?ssl=true"},
		{"jdbc:postgresql://[2001:db8::1]:5433/dss", "", 0, "copy", "jdbc:postgresql://[2001:db8::1]:5433/copy"},
		{"JDBC:PostgreSQL://a/", "", 0, "copy", "JDBC:PostgreSQL://a:5432/copy"},
	} {
		got, err := MoveJDBC(tt.url, tt.host, tt.port, tt.database)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.url, got, err, tt.want)
		}
		back, err := ParseJDBC(got)
		if err != nil || tt.host != "" && back.Host != tt.host || tt.port != 0 && back.Port != tt.port || tt.database != "" && back.Database != tt.database {
			t.Errorf("%s reads as %+v (%v)", got, back, err)
		}
	}
	if got, err := MoveJDBC("jdbc:postgresql://a,b/dss", "c", 0, ""); err == nil {
		t.Errorf("two hosts became %s", got)
	}
}

func TestWithJDBCParameter(t *testing.T) {
	for _, tt := range []struct{ url, value, want string }{
		{"jdbc:postgresql://a/b", "s t", "jdbc:postgresql://a/b?currentSchema=s+t"},
		{"jdbc:postgresql://a/b?x=1&currentSchema=old&y=2", "new", "jdbc:postgresql://a/b?x=1&currentSchema=new&y=2"},
		{"jdbc:postgresql://a/b?x=1&currentSchema=old", "", "jdbc:postgresql://a/b?x=1"},
		{"jdbc:postgresql://a/b?currentSchema=old", "", "jdbc:postgresql://a/b"},
	} {
		if got := WithJDBCParameter(tt.url, CurrentSchema, tt.value); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
