package dss

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvFileValues(t *testing.T) {
	got := ParseEnvFile([]byte(`#!/bin/bash
# export HIDDEN="x"
export A="/opt/kit"
export B='single $A'
C=bare # comment
  export D="with \"quotes\" and \$dollar"
export E="$A/bin:${C}"
export F="${A:-default}" G=${NOPE:-fallback}
declare -x H="h"; I=i
export J=
export K="$UNKNOWN/x"
echo L=no
if [ -z "$M" ]; then export M=1; fi
export A2=/a\ b
export A="/second"
`)).Values()
	want := map[string]string{
		"A": "/second", "B": "single $A", "C": "bare", "D": `with "quotes" and $dollar`, "E": "/opt/kit/bin:bare",
		"F": "/opt/kit", "G": "fallback", "H": "h", "I": "i", "J": "", "K": "$UNKNOWN/x", "A2": "/a b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEnvFileEdit(t *testing.T) {
	const before = "# head\nexport A=\"1\"  # why\nB=2\n\nexport C='3' D=4"
	for name, tc := range map[string]struct {
		edit func(f *EnvFile) error
		want string
	}{
		"same":    {func(f *EnvFile) error { return f.Set("A", "1") }, before},
		"change":  {func(f *EnvFile) error { return f.Set("A", "new") }, "# head\nexport A=\"new\"  # why\nB=2\n\nexport C='3' D=4"},
		"quotes":  {func(f *EnvFile) error { return f.Set("B", "a\"b$c`d\\") }, "# head\nexport A=\"1\"  # why\nB=\"a\\\"b\\$c\\`d\\\\\"\n\nexport C='3' D=4"},
		"second":  {func(f *EnvFile) error { return f.Set("D", "5") }, "# head\nexport A=\"1\"  # why\nB=2\n\nexport C='3' D=\"5\""},
		"new":     {func(f *EnvFile) error { return f.Set("E", "x") }, before + "\nexport E=\"x\"\n"},
		"delete":  {func(f *EnvFile) error { f.Delete("A"); return nil }, "# head\nB=2\n\nexport C='3' D=4"},
		"shared":  {func(f *EnvFile) error { f.Delete("C"); return nil }, before},
		"nothing": {func(f *EnvFile) error { f.Delete("Z"); return nil }, before},
	} {
		t.Run(name, func(t *testing.T) {
			f := ParseEnvFile([]byte(before))
			if err := tc.edit(f); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(f.Bytes())); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := ParseEnvFile(nil)
	for _, bad := range [][2]string{{"a b", "x"}, {"", "x"}, {"A", "x\ny"}, {"A=b", "x"}} {
		if err := f.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%q was set", bad)
		}
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("export A=\"1\"\nB='2' # x\n", "A", "v")
	f.Add("export A=\"1", "A", `a"b$c\`)
	f.Fuzz(func(t *testing.T, text, name, value string) {
		file := ParseEnvFile([]byte(text))
		if got := string(file.Bytes()); got != text {
			t.Fatalf("printed as %q", got)
		}
		if file.Set(name, value) != nil {
			return
		}
		if got, ok := ParseEnvFile(file.Bytes()).Get(name); !ok || got != value {
			t.Fatalf("set %q, got %q in %q", value, got, file.Bytes())
		}
	})
}

func TestProperties(t *testing.T) {
	const before = "# head\npsql.jdbc.url = jdbc:postgresql://h:5432/db?ssl=true\npsql.jdbc.user:me\r\n! other\nkey\\ with\\=odd  value\nlong = a,\\\n    b\nempty=\nu = \\u00e9\\t.\n"
	p := ParseProperties([]byte(before))
	for key, want := range map[string]string{
		"psql.jdbc.url": "jdbc:postgresql://h:5432/db?ssl=true", "psql.jdbc.user": "me", "key with=odd": "value",
		"long": "a,b", "empty": "", "u": "é\t.",
	} {
		if got, ok := p.Get(key); !ok || got != want {
			t.Errorf("%s: got %q, %v", key, got, ok)
		}
	}
	if string(p.Bytes()) != before {
		t.Error("not kept")
	}
	for _, kv := range [][2]string{{"psql.jdbc.user", "you"}, {"long", "c"}, {"new key", " v\\"}, {"empty", ""}} {
		if err := p.Set(kv[0], kv[1]); err != nil {
			t.Fatal(err)
		}
	}
	if !p.Delete("u") || p.Delete("u") {
		t.Error("delete")
	}
	want := "# head\npsql.jdbc.url = jdbc:postgresql://h:5432/db?ssl=true\npsql.jdbc.user=you\r\n! other\nkey\\ with\\=odd  value\nlong=c\nempty=\nnew\\ key=\\ v\\\\\n"
	if diff := cmp.Diff(want, string(p.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add("a=b\n", "a", "c")
	f.Add("a = b\\\n  c\r\n#x", "k k", " v")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		p := ParseProperties([]byte(text))
		if got := string(p.Bytes()); got != text {
			t.Fatalf("printed as %q", got)
		}
		if p.Set(key, value) != nil {
			return
		}
		if got, ok := ParseProperties(p.Bytes()).Get(key); !ok || got != value {
			t.Fatalf("set %q to %q, got %q in %q", key, value, got, p.Bytes())
		}
	})
}
