package view

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// bare strings are shown without quotes: nobody can take them for something
// else.
var bare = lazyregexp.New(`^[A-Za-z0-9_/.~][-A-Za-z0-9_./:@%+=~]*$`)

func isBare(s string) bool {
	switch s {
	case "true", "false", "null":
		return false
	}
	if !bare.MatchString(s) {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err != nil // "5432" is not 5432
}

// none stands for an absent value.
const none = "(none)"

// decode reads a JSON value, keeping numbers as they are written. What is no
// JSON is shown as a string.
func decode(raw json.RawMessage) any {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(raw)
	}
	return v
}

// inline returns v in one line.
func inline(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case string:
		if isBare(v) {
			return v
		}
		return quote(v)
	}
	return compact(v)
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return strconv.Quote(s)
	}
	return clean(strings.TrimSuffix(b.String(), "\n"))
}

// compact returns lists and objects as JSON with spaces.
func compact(v any) string {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = compact(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range keys(v) {
			parts = append(parts, quote(k)+": "+compact(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case string:
		return quote(v)
	}
	return inline(v)
}

func keys[V any](maps ...map[string]V) []string {
	var out []string
	for _, m := range maps {
		for k := range m {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// keyName shows an object's key.
func keyName(k string) string {
	if isBare(k) {
		return k
	}
	return quote(k)
}

// shorten cuts one value to n columns; the rest is told by its length.
func (s Style) shorten(text string, n int) string {
	if cells(text) <= n {
		return text
	}
	tail := " (" + strconv.Itoa(cells(text)) + " characters)"
	return s.cut(text, max(8, n-cells(tail))) + tail
}

// shortenPair cuts two values that may begin alike, so that where they differ
// stays in sight.
func (s Style) shortenPair(before, after string, n int) (string, string) {
	if cells(before) <= n && cells(after) <= n {
		return before, after
	}
	a, b := []rune(before), []rune(after)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if skip := same - 12; skip > 8 {
		start := s.ellipsis()
		if a[0] == '"' {
			start = `"` + start
		}
		return s.cut(start+string(a[skip:]), n), s.cut(start+string(b[skip:]), n)
	}
	return s.shorten(before, n), s.shorten(after, n)
}
