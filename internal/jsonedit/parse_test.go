package jsonedit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// broken are texts that must be refused, with what the error must say.
var broken = []struct{ name, text, want string }{
	{"empty", "", "line 1, column 1 (byte 0), at the top: the file is empty"},
	{"only space", " \n ", "the file is empty"},
	{"byte order mark", "\xef\xbb\xbf{}", "byte order mark"},
	{"array", "[]", "expected an object"},
	{"string", `"x"`, "expected an object"},
	{"truncated in object", `{"a": 1`, "the file is truncated"},
	{"truncated in string", `{"a": "x`, "at /a: the text ends here, expected the end of a string"},
	{"truncated in escape", `{"a": "\`, "the file is truncated"},
	{"truncated in hex", `{"a": "\u00`, "four hexadecimal digits"},
	{"truncated in word", `{"a": tru`, "expected the word true"},
	{"truncated after key", `{"a"`, "expected a colon"},
	{"truncated number", `{"a": -`, "expected a digit"},
	{"trailing comma", `{"a": 1,}`, "column 8 (byte 7), at the top: a comma before }"},
	{"trailing comma in array", `{"a": [1, ]}`, "at /a: a comma before ]"},
	{"line comment", "{\n// x\n}", "line 2, column 1 (byte 2), at the top: found a slash"},
	{"block comment", `{"a": [1 /* x */]}`, "JSON has no comments"},
	{"single quotes", `{'a': 1}`, "double quotes only"},
	{"bare key", `{a: 1}`, `found 'a', expected a key in double quotes`},
	{"twice", `{"a": 1, "b": {"c": 1, "c": 2}}`, `column 24 (byte 23), at /b/c: the key "c" is there twice`},
	{"twice by escape", `{"a": 1, "\u0061": 2}`, `the key "\u0061" is there twice`},
	{"twice among many", `{` + manyKeys(100) + `, "k50": 1}`, `the key "k50" is there twice`},
	{"twice beyond few", `{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"1":1}`, `the key "1" is there twice`},
	{"two values", `{} {}`, "nothing more after the end"},
	{"leading zero", `{"a": 01}`, "must not begin with 0"},
	{"plus", `{"a": +1}`, "found '+', expected a value"},
	{"bare fraction", `{"a": 1.}`, "expected a digit"},
	{"bare exponent", `{"a": 1e}`, "expected a digit"},
	{"NaN", `{"a": NaN}`, "found 'N', expected a value"},
	{"bad escape", `{"a": "\x"}`, "escapes that JSON has"},
	{"line in string", "{\"a\": \"x\ny\"}", "control character (0x0a)"},
	{"NUL", "{\"a\": \"x\x00\"}", "control character (0x00)"},
	{"bad UTF-8", "{\"a\": \"\xff\"}", "invalid UTF-8 (byte 0xff)"},
	{"cut UTF-8", "{\"a\": \"\xc3\"}", "invalid UTF-8 (byte 0xc3)"},
	{"surrogate in UTF-8", "{\"a\": \"\xed\xa0\x80\"}", "invalid UTF-8 (byte 0xed)"},
	{"UTF-16", "\xff\xfe{\x00}\x00", "invalid UTF-8"},
	{"column counts characters", `{"é": 1, "é": 2}`, "column 10 (byte 10)"},
	{"index in path", `{"a": [1, {"b~/": x}]}`, "at /a/1/b~0~1: found 'x'"},
	{"mismatched", `{"a": [1}`, "expected a comma or ]"},
	{"deep", strings.Repeat(`{"a":`, MaxDepth+1), "nested more than 1000 levels deep"},
	{"deep arrays", `{"a":` + strings.Repeat(`[`, 2_000_000), "nested more than 1000 levels deep"},
}

func manyKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d": %d`, i, i)
	}
	return strings.Join(keys, ", ")
}

// refusedOnPurpose reports whether encoding/json takes what err is about.
func refusedOnPurpose(err error) bool {
	return strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "nested more")
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("found %v, expected a *SyntaxError", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("found   %v\nexpected … %s …", err, tt.want)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

func TestParseTakes(t *testing.T) {
	for _, text := range append(seeds,
		strings.Repeat(`{"a":`, MaxDepth)+`1`+strings.Repeat(`}`, MaxDepth),
		`{"a":"\ud800"}`, `{"a":-0}`, `{"a":1E+2}`, "\t{\"a\":\"\u007f\u2028\"}\r\n",
	) {
		doc, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if string(doc.Bytes()) != text {
			t.Errorf("%q came out as %q", text, doc.Bytes())
		}
	}
}

func TestBytesAreCopies(t *testing.T) {
	data := []byte(`{"a": 1}`)
	doc := parse(t, string(data))
	data[2] = 'z'
	doc.Bytes()[2] = 'y'
	raw, _ := doc.Get("/a")
	raw[0] = '9'
	if string(doc.Bytes()) != `{"a": 1}` {
		t.Errorf("found %s", doc.Bytes())
	}
}

// TestLarge edits documents of many keys, of many small objects, and of one long
// string; how fast is for the benchmarks to say.
func TestLarge(t *testing.T) {
	texts := map[string]string{
		"one object":   `{` + manyKeys(100_000) + `}`,
		"many objects": `{"a": [` + strings.TrimSuffix(strings.Repeat(`{"name": "x", "value": [1, 2, 3], "on": true},`, 50_000), ",") + `]}`,
		"long string":  `{"a": "` + strings.Repeat("é\\n", 500_000) + `"}`,
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, text)
			if err := doc.Set("/new/member", []byte(`{"x": 1}`)); err != nil {
				t.Fatal(err)
			}
			old := parse(t, text)
			if err := doc.Restore("/new/member", old); err != nil {
				t.Fatal(err)
			}
			if string(doc.Bytes()) != text {
				t.Error("the text came out changed")
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(`{"a": [` + strings.TrimSuffix(strings.Repeat(`{"name": "x", "value": [1, 2, 3], "on": true},`, 180_000), ",") + `]}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func parse(t *testing.T, text string) *Doc {
	t.Helper()
	doc, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
