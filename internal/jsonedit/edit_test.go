package jsonedit

import (
	"encoding/json"
	"strings"
	"testing"
)

const pretty = `{
  "first": 1,
  "nested": {
    "text": "a\u0026b",
    "empty": {}
  },
  "last": [1, 2]
}
`

func TestSet(t *testing.T) {
	tests := []struct{ name, text, pointer, value, want string }{
		{"in place", pretty, "/nested/text", `"new"`, strings.Replace(pretty, `"a\u0026b"`, `"new"`, 1)},
		{"element of an array", pretty, "/last/1", `3`, strings.Replace(pretty, `[1, 2]`, `[1, 3]`, 1)},
		{"new at the end", pretty, "/new", `true`, strings.Replace(pretty, "[1, 2]\n", "[1, 2],\n  \"new\": true\n", 1)},
		{"new in an object", pretty, "/nested/new", `true`, strings.Replace(pretty, `"empty": {}`, "\"empty\": {},\n    \"new\": true", 1)},
		{"new in an empty object", pretty, "/nested/empty/new", `true`, strings.Replace(pretty, `{}`, "{\n      \"new\": true\n    }", 1)},
		{
			"new objects on the way", pretty, "/x/y/z", `1`,
			strings.Replace(pretty, "[1, 2]\n", "[1, 2],\n  \"x\": {\n    \"y\": {\n      \"z\": 1\n    }\n  }\n", 1),
		},
		{"one line", `{"a": 1, "b": 2}`, "/c", `3`, `{"a": 1, "b": 2, "c": 3}`},
		{"compact", `{"a":1,"b":2}`, "/c/d", `3`, `{"a":1,"b":2,"c":{"d":3}}`},
		{"compact, one member", `{"a":1}`, "/c", `3`, `{"a":1,"c":3}`},
		{"one line, one member", `{"a": 1}`, "/c", `3`, `{"a": 1, "c": 3}`},
		{"empty", `{}`, "/a/b", `1`, `{"a": {"b": 1}}`},
		{"empty over lines", "{\n}\n", "/a", `1`, "{\n  \"a\": 1\n}\n"},
		{"tabs and CRLF", "{\r\n\t\"a\" : 1\r\n}", "/b/c", `2`, "{\r\n\t\"a\" : 1,\r\n\t\"b\" : {\r\n\t\t\"c\" : 2\r\n\t}\r\n}"},
		{"one line inside lines", "{\n  \"a\": {\"b\": 1}\n}", "/a/c", `2`, "{\n  \"a\": {\"b\": 1, \"c\": 2}\n}"},
		{"key with escapes", `{}`, "/a~1b~0\"c", `1`, `{"a/b~\"c": 1}`},
		{"escaped key is found", `{"\u0061": 1}`, "/a", `2`, `{"\u0061": 2}`},
		{"value is trimmed", `{"a": 1}`, "/a", " 2\n", `{"a": 2}`},
		{"null is a value", `{"a": 1}`, "/a", `null`, `{"a": null}`},
		{"the top", " {\"a\": 1} ", "", `{}`, ` {} `},
		{"empty key", `{"": 1}`, "/", `2`, `{"": 2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, tt.text)
			if err := doc.Set(tt.pointer, []byte(tt.value)); err != nil {
				t.Fatal(err)
			}
			if got := string(doc.Bytes()); got != tt.want {
				t.Errorf("found\n%s\nexpected\n%s", got, tt.want)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	tests := []struct{ name, pointer, value, want string }{
		{"no JSON", "/a", `{`, "set /a: the new value: not valid JSON"},
		{"two values", "/a", `1 2`, "nothing more after the end"},
		{"twice", "/a", `{"x": 1, "x": 2}`, "twice"},
		{"bad UTF-8", "/a", "\"\xff\"", "invalid UTF-8"},
		{"too deep where it goes", "/a", deep, "nested more than 1000"},
		{"through a word", "/first/x", `1`, "set /first/x: /first is a number, expected an object"},
		{"new element", "/last/2", `1`, "/last is an array"},
		{"appended element", "/last/-", `1`, "/last is an array"},
		{"the top is an object", "", `1`, "must be an object"},
		{"bad pointer", "first", `1`, "must begin with a slash"},
		{"bad escape", "/a~2", `1`, "~ that is not part of ~0 or ~1"},
		{"bad escape at the end", "/a~", `1`, "~ that is not part of ~0 or ~1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, pretty)
			err := doc.Set(tt.pointer, []byte(tt.value))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("found %v, expected … %s …", err, tt.want)
			}
			if string(doc.Bytes()) != pretty {
				t.Error("it changed the text")
			}
		})
	}
}

func TestDelete(t *testing.T) {
	tests := []struct{ name, text, pointer, want string }{
		{"first", `{"a":1, "b":2}`, "/a", `{"b":2}`},
		{"middle", `{"a":1, "b":2 , "c":3}`, "/b", `{"a":1, "c":3}`},
		{"last", `{"a":1, "b":2}`, "/b", `{"a":1}`},
		{"only", "{\n  \"a\": 1\n}\n", "/a", "{}\n"},
		{"nested", pretty, "/nested/text", strings.Replace(pretty, "\n    \"text\": \"a\\u0026b\",", "", 1)},
		{"absent", pretty, "/x/y", pretty},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, tt.text)
			if err := doc.Delete(tt.pointer); err != nil {
				t.Fatal(err)
			}
			if got := string(doc.Bytes()); got != tt.want {
				t.Errorf("found\n%s\nexpected\n%s", got, tt.want)
			}
		})
	}
	for pointer, want := range map[string]string{
		"": "delete the top", "/last/0": "/last is an array", "/first/x": "/first is a number", "x": "must begin with a slash",
	} {
		doc := parse(t, pretty)
		if err := doc.Delete(pointer); err == nil || !strings.Contains(err.Error(), want) || string(doc.Bytes()) != pretty {
			t.Errorf("delete %q: found %v, expected … %s …", pointer, err, want)
		}
	}
}

func TestGetAndKeys(t *testing.T) {
	doc := parse(t, pretty)
	for pointer, want := range map[string]string{
		"/first": "1", "/nested/text": `"a\u0026b"`, "/nested/empty": "{}", "/last": "[1, 2]", "/last/0": "1", "": strings.TrimSpace(pretty),
	} {
		if got, ok := doc.Get(pointer); !ok || string(got) != want {
			t.Errorf("%q: found %q, expected %q", pointer, got, want)
		}
	}
	for _, pointer := range []string{"/x", "/first/x", "/last/2", "/last/01", "/last/-1", "/last/x", "x", "/nested/"} {
		if got, ok := doc.Get(pointer); ok {
			t.Errorf("%q: found %q, expected nothing", pointer, got)
		}
	}
	if keys, err := doc.Keys("/nested"); err != nil || strings.Join(keys, " ") != "text empty" {
		t.Errorf("found %v, %v", keys, err)
	}
	for pointer, want := range map[string]string{"/last": "is an array, expected an object", "/x": "nothing at /x", "x": "slash"} {
		if _, err := doc.Keys(pointer); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: found %v, expected … %s …", pointer, err, want)
		}
	}
}

func TestFormat(t *testing.T) {
	value := map[string]any{"b": []int{1, 2}, "a": map[string]any{"x": "<&>", "e": map[string]any{}, "l": []int{}}}
	tests := []struct{ name, text, pointer, want string }{
		{
			"lines", pretty, "/nested/new",
			"{\n      \"a\": {\n        \"e\": {},\n        \"l\": [],\n        \"x\": \"<&>\"\n      },\n      \"b\": [\n        1,\n        2\n      ]\n    }",
		},
		{"one line", `{"a": 1}`, "/b", `{"a": {"e": {}, "l": [], "x": "<&>"}, "b": [1, 2]}`},
		{"compact", `{"a":1}`, "/b", `{"a":{"e":{},"l":[],"x":"<&>"},"b":[1,2]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(t, tt.text).Format(tt.pointer, value)
			if err != nil || string(got) != tt.want {
				t.Errorf("found (%v)\n%s\nexpected\n%s", err, got, tt.want)
			}
		})
	}
	got, err := parse(t, pretty).Format("/x", json.RawMessage(`{"z": 1.0, "a": "\u0026", "n": 12345678901234567890}`))
	if want := "{\n    \"z\": 1.0,\n    \"a\": \"\\u0026\",\n    \"n\": 12345678901234567890\n  }"; err != nil || string(got) != want {
		t.Errorf("found (%v)\n%s\nexpected\n%s", err, got, want)
	}
	if _, err := parse(t, pretty).Format("/x", func() {}); err == nil {
		t.Error("a function was written as JSON")
	}
	if _, err := parse(t, pretty).Format("/x", json.RawMessage(`{"a": 1, "a": 2}`)); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("found %v, expected the key to be refused", err)
	}
}

func TestEqual(t *testing.T) {
	equal := [][2]string{
		{`1.0`, `1`},
		{`1e2`, `100`},
		{`-0`, `0`},
		{`0e9`, `0.00`},
		{`1200e-2`, `12`},
		{`0.001`, `1E-3`},
		{`1e0000000000000000000001`, `10`},
		{`9007199254740993`, `9007199254740993.0`},
		{`"\u0041\u00e9\/"`, `"Aé/"`},
		{`"\ud83d\ude00"`, `"😀"`},
		{`{"a": 1, "b": [1, 2]}`, "{\"b\":[1.0,2],\n\"\\u0061\":1}"},
		{`[]`, `[ ]`},
		{`null`, ` null`},
	}
	for _, p := range equal {
		if !Equal([]byte(p[0]), []byte(p[1])) {
			t.Errorf("%s and %s differ", p[0], p[1])
		}
	}
	different := [][2]string{
		{`9007199254740993`, `9007199254740992`},
		{`1e999999999`, `1e999999998`},
		{`0.1`, `0.10000000000000000001`},
		{`1`, `-1`},
		{`1`, `"1"`},
		{`null`, `false`},
		{`[1, 2]`, `[2, 1]`},
		{`[[1], 2]`, `[[1, 2]]`},
		{`{"a": 1}`, `{"a": 1, "b": null}`},
		{`{}`, `[]`},
		{`"\ud800"`, `"\ud801"`},
		{`"a"`, `"a\u0000"`},
		{`{"a":"b,c"}`, `{"a":"b","c":1}`},
		{`x`, `x`},
		{`{"a":1,"a":1}`, `{"a":1,"a":1}`},
		{`""`, ``},
	}
	for _, p := range different {
		if Equal([]byte(p[0]), []byte(p[1])) {
			t.Errorf("%s and %s are taken for the same", p[0], p[1])
		}
	}
}

func TestRestore(t *testing.T) {
	tests := []struct{ name, old, now, pointer, want string }{
		{"value", `{"a": 1.0, "b": 2}`, `{"a": 1, "b": 3}`, "/a", `{"a": 1.0, "b": 3}`},
		{"was absent", `{"a": 1}`, `{"a": 1, "x": {"y": 1, "z": 2}}`, "/x/y", `{"a": 1, "x": {"z": 2}}`},
		{"its new object goes too", `{"a": 1}`, `{"a": 1, "x": {"y": 1}}`, "/x/y", `{"a": 1}`},
		{"old place", `{"a": 1, "b": 2, "c": 3}`, `{"a": 9, "c": 3}`, "/b", `{"a": 9, "b": 2, "c": 3}`},
		{"behind the nearest neighbor", `{"a": 1, "b": 2, "c": 3}`, `{"x": 0, "a": 1, "y": 0}`, "/c", `{"x": 0, "a": 1, "c": 3, "y": 0}`},
		{"first", "{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"b\": 3\n}", "/a", "{\n  \"a\": 1,\n  \"b\": 3\n}"},
		{"moved to the end meanwhile", `{"a": 1, "b": 2}`, `{"b": 3, "a": 5}`, "/a", `{"a": 1, "b": 3}`},
		{"last before its neighbor", `{"a": 1, "b": 2}`, `{"b": 3, "a": 5}`, "/b", `{"a": 5, "b": 2}`},
		{"object is missing here", `{"o": {"a": 1, "b": 2}, "z": 0}`, `{"z": 0}`, "/o/b", `{"o": {"b": 2}, "z": 0}`},
		{"the top", `{"a": 1}`, ` {"b": 2} `, "", `{"a": 1}`},
		{"in an array", `{"a": [{"b": 1}, 2]}`, `{"a": [{"b": 2}, 3]}`, "/a/0/b", `{"a": [{"b": 1}, 3]}`},
		{"nothing else differs: every byte", "{\n  \"a\" : 1\n}\n", `{"a":2}`, "/a", "{\n  \"a\" : 1\n}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, tt.now)
			if err := doc.Restore(tt.pointer, parse(t, tt.old)); err != nil {
				t.Fatal(err)
			}
			if got := string(doc.Bytes()); got != tt.want {
				t.Errorf("found\n%s\nexpected\n%s", got, tt.want)
			}
		})
	}
	for _, tt := range []struct{ old, now, pointer, want string }{
		{`{"a": {"b": 1}}`, `{"a": 1}`, "/a/b", "restore /a/b: /a is a number, expected an object"},
		{`{"a": [1, 2]}`, `{"a": [1]}`, "/a/1", "has changed its length"},
		{`{"a": [{"b": 1}]}`, `{}`, "/a/0/b", "inside an array"},
		{`{}`, `{}`, "a", "must begin with a slash"},
	} {
		doc := parse(t, tt.now)
		if err := doc.Restore(tt.pointer, parse(t, tt.old)); err == nil || !strings.Contains(err.Error(), tt.want) || string(doc.Bytes()) != tt.now {
			t.Errorf("restore %s: found %v, expected … %s …", tt.pointer, err, tt.want)
		}
	}
}
