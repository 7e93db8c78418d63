package secret

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// A known secret is taken out in each spelling that programs give it.
func TestRedactorKnowsSpellings(t *testing.T) {
	const value = `Pl4nted é=<'"&> \x y`
	var r Redactor
	r.Add(value)
	for name, text := range map[string]string{
		"plain":           value,
		"Go":              `Pl4nted é=\u003c'\"\u0026\u003e \\x y`,
		"Gson":            `Pl4nted é\u003d\u003c\u0027\"\u0026\u003e \\x y`,
		"Python":          `Pl4nted \u00e9=<'\"&> \\x y`,
		"ASCII and HTML":  `Pl4nted \u00E9\u003D\u003C\u0027\"\u0026\u003E \\x y`,
		"query":           `Pl4nted+%C3%A9%3D%3C%27%22%26%3E+%5Cx+y`,
		"query, %20":      `Pl4nted%20%C3%A9%3D%3C%27%22%26%3E%20%5Cx%20y`,
		"path, small hex": `Pl4nted%20%c3%a9=%3c%27%22&%3e%20%5cx%20y`,
		"HTML":            `Pl4nted é=&lt;&#39;&#34;&amp;&gt; \x y`,
		"SQL":             `Pl4nted é=<''"&> \x y`,
	} {
		if got := r.String("a " + text + " b"); got != "a (secret) b" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestRedactorKnowsLines(t *testing.T) {
	var r Redactor
	r.Add("-----BEGIN PRIVATE KEY-----\nPl4ntedAAAA\nPl4ntedBBBB\r\nab\n-----END PRIVATE KEY-----\n")
	if got := r.String("line 2: Pl4ntedBBBB, ab, -----BEGIN PRIVATE KEY-----"); got != "line 2: (secret), ab, -----BEGIN PRIVATE KEY-----" {
		t.Errorf("got %q", got)
	}
}

// JSON stays JSON whatever the secrets are.
func TestRedactedJSONIsValid(t *testing.T) {
	var r Redactor
	r.Add("true", "null", "12345678", "5432", `quo"te\`, "lock")
	const text = `{"a": true, "b": null, "n": 12345678, "port": 5432, "s": "x quo\"te\\ y", "locked": "the lock", "e": "\u00e9"}` + "\n"
	var b bytes.Buffer
	if _, err := r.Writer(&b).Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	want := map[string]any{"a": true, "b": nil, "n": "(secret)", "port": 5432.0, "s": "x (secret) y", "e": "é"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %v, want %v", k, got[k], v)
		}
	}
	if !strings.HasSuffix(b.String(), "\n") || strings.Contains(b.String(), "the lock") {
		t.Errorf("got %s", b.String())
	}
}

func FuzzRedactJSON(f *testing.F) {
	f.Add(`{"a":[1,"x"]}`, "secret")
	f.Fuzz(func(t *testing.T, text, value string) {
		if !json.Valid([]byte(text)) {
			return
		}
		var r Redactor
		r.Add(value)
		if got := r.JSON([]byte(text)); !json.Valid(got) {
			t.Errorf("%q without %q is %q", text, value, got)
		}
	})
}
