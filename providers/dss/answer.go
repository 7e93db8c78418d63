package dss

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// AnswerError is an answer of DSS that has another shape than the documented one.
// It never repeats the content of JSON, which may be secret.
type AnswerError struct {
	Method, Path string
	Expected     string // "a JSON object"
	Found        string // "a JSON array"
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s %s of DSS's public API: expected %s, found %s; this version of DSS may answer in a way that this dssctl does not know", e.Method, e.Path, e.Expected, e.Found)
}

// The documented shapes.
const (
	anObject = "a JSON object"
	aList    = "a JSON array of objects"
)

// wrong is an answer to r of another shape.
func (a *API) wrong(r request, expected, found string) error {
	return &AnswerError{Method: r.method, Path: a.redact.String(r.path), Expected: expected, Found: a.redact.String(found)}
}

// lacking is a list with an element that does not have the member that everything
// else needs.
func (a *API) lacking(path, member string) error {
	return a.wrong(request{method: http.MethodGet, path: path}, aList+" with "+member, "an object without it")
}

// object sends r and reads the answer, an object, into v. What v has no member for
// is left out, and a member of another kind counts as missing.
func (a *API) object(ctx context.Context, r request, v any) error {
	return a.send(ctx, r, func(in io.Reader) error {
		raw, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if found := shapeOf(raw); found != anObject {
			return a.wrong(r, anObject, found)
		}
		return members(raw, v)
	})
}

// get is object for a plain question.
func (a *API) get(ctx context.Context, path string, v any) error {
	return a.object(ctx, request{method: http.MethodGet, path: path, timeout: apiTimeout}, v)
}

// list reads an array of objects one by one, so that a long one does not have to fit
// in memory. An object with a list in it is an error: it may be the first page only.
func list[T any](ctx context.Context, a *API, path string, each func(T)) error {
	return listed(ctx, a, path, false, each)
}

// pages is list where a first page is better than nothing: it also takes an object
// whose only array is the list.
func pages[T any](ctx context.Context, a *API, path string, each func(T)) error {
	return listed(ctx, a, path, true, each)
}

func listed[T any](ctx context.Context, a *API, path string, page bool, each func(T)) error {
	r := request{method: http.MethodGet, path: path, timeout: apiTimeout}
	return a.send(ctx, r, func(from io.Reader) error {
		in := bufio.NewReader(from)
		begin, err := firstByte(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var elements io.Reader = in
		if begin != '[' {
			raw, err := io.ReadAll(in)
			if err != nil {
				return err
			}
			inner, ok := onlyArray(raw)
			if !page || !ok {
				return a.wrong(r, aList, shapeOf(raw)+memberNames(raw))
			}
			elements = bytes.NewReader(inner)
		}
		dec := json.NewDecoder(elements)
		if _, err := dec.Token(); err != nil {
			return err
		}
		for dec.More() {
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				return err
			}
			if found := shapeOf(raw); found != anObject {
				return a.wrong(r, aList, "a JSON array with "+found+" in it")
			}
			var v T
			if err := members(raw, &v); err != nil {
				return err
			}
			each(v)
		}
		_, err = dec.Token()
		return err
	})
}

// firstByte skips white space and looks at what comes next.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(b)) {
			return b, in.UnreadByte()
		}
	}
}

// onlyArray finds the one array among an object's members.
func onlyArray(raw []byte) (json.RawMessage, bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil, false
	}
	var found []json.RawMessage
	for _, v := range all {
		if bytes.HasPrefix(v, []byte("[")) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		return nil, false
	}
	return found[0], true
}

// members fills in the members that have the kind that v expects, and leaves the
// others as they are: encoding/json goes on after one of another kind.
func members(raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return nil
	}
	return err
}

// shapeOf says in words what an answer is.
func shapeOf(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "an empty answer"
	}
	if !json.Valid(raw) {
		switch text := strings.ToValidUTF8(string(raw), "?"); raw[0] {
		case '{', '[':
			return "JSON that is broken or cut off"
		case '<':
			return "a web page"
		default:
			return "text that is not JSON: " + shorten(text)
		}
	}
	switch raw[0] {
	case '{':
		return anObject
	case '[':
		return "a JSON array"
	case '"':
		return "a JSON string"
	case 't', 'f':
		return "a JSON boolean"
	case 'n':
		return "JSON null"
	default:
		return "a JSON number"
	}
}

// memberNames are the first names of an object's members, for an error.
func memberNames(raw []byte) string {
	const most = 5
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil || len(all) == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(all))
	more := ""
	if len(keys) > most {
		keys, more = keys[:most], ", …"
	}
	return " with " + shorten(strings.Join(keys, ", ")+more)
}

// truth is a boolean member, which may not be there: false is something else than
// silence.
type truth struct{ told, yes bool }

func (t *truth) UnmarshalJSON(raw []byte) error {
	switch string(bytes.Trim(raw, `"`)) {
	case "true":
		*t = truth{told: true, yes: true}
	case "false":
		*t = truth{told: true}
	}
	return nil
}

func (t truth) isTrue() bool  { return t.told && t.yes }
func (t truth) isFalse() bool { return t.told && !t.yes }

// word is a member that is a string, or a number where DSS counts. Anything else is
// "".
type word string

func (w *word) UnmarshalJSON(raw []byte) error {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil:
		*w = word(s)
	case json.Unmarshal(raw, &n) == nil:
		*w = word(n)
	}
	return nil
}
