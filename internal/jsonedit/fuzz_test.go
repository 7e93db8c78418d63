package jsonedit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf8"
)

// seeds are texts in the layouts that occur, and some that hardly do.
var seeds = []string{
	`{}`, "{ }", "{\n}\n", `{"a":1}`, `{"a": 1, "b": {"c": [1, 2, {"d": null}]}}`,
	"{\n  \"a\": 1,\n  \"b\": {},\n  \"c\": {\n    \"d\": \"x\\u0026\\u003d\"\n  }\n}\n",
	"{\r\n\t\"a\": 1,\r\n\t\"b\": {\r\n\t\t\"c\": true\r\n\t}\r\n}",
	`{ "a" : 1 , "b" : 2 , "c" : { "d" : 3 } }`, "{\"a\":1,\n\"b\":2, \"c\":3\n}",
	"  {\"x~y/z\": {\"\": {\"é\": \"\\ud83d\\ude00\", \"\\ud800\": 1e400}}}  ",
	`{"\u0061": 1, "b" :2,"\u0063":{"d":3}, "d": 4}`, "{\n  \"a\": 1,\n\"b\": 2, \"c\": 3,\n\n\t\"d\": 4}",
	`{"a":{"a":{"a":{"b":0}}},"b":[[],[{}],{"a":[]}],"c":-0.0e-1}`,
}

// tokens are the keys that the fuzzers use, so that edits meet.
var tokens = []string{"a", "b", "c", "d", "", "x~y/z", "new", "0", "é"}

// walk turns bytes into pointers and values.
type walk struct{ b []byte }

func (w *walk) next() int {
	if len(w.b) == 0 {
		return -1
	}
	n := int(w.b[0])
	w.b = w.b[1:]
	return n
}

func (w *walk) pointer() string {
	keys := make([]string, 0, 3)
	for n := 1 + max(w.next(), 0)%3; n > 0; n-- {
		keys = append(keys, tokens[max(w.next(), 0)%len(tokens)])
	}
	return Pointer(keys...)
}

var values = []string{`1`, `"x"`, `null`, `{}`, `{"a":1}`, "{\n  \"a\": [1, 2]\n}", `[1, {"b": 2}]`, ` true `}

func (w *walk) value() []byte { return []byte(values[max(w.next(), 0)%len(values)]) }

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, s := range broken {
		if len(s.text) < 1000 {
			f.Add([]byte(s.text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse(data)
		if err != nil {
			var v map[string]any
			if utf8.Valid(data) && json.Unmarshal(data, &v) == nil && v != nil && !refusedOnPurpose(err) {
				t.Fatalf("%q is JSON, and was refused: %v", data, err)
			}
			return
		}
		if !json.Valid(data) || !utf8.Valid(data) {
			t.Fatalf("%q was taken, and is not valid", data)
		}
		if !bytes.Equal(doc.Bytes(), data) {
			t.Fatalf("Bytes gives %q for %q", doc.Bytes(), data)
		}
		if !Equal(data, data) {
			t.Fatalf("%q does not equal itself", data)
		}
		raw, err := doc.Format("", json.RawMessage(data))
		if err != nil || !Equal(raw, data) {
			t.Fatalf("%q laid out is %q (%v)", data, raw, err)
		}
		eachPointer(doc, "", func(p string) {
			v, ok := doc.Get(p)
			if !ok {
				t.Fatalf("nothing at %q of %q", p, data)
			}
			if err := doc.Set(p, v); err != nil || !bytes.Equal(doc.Bytes(), data) {
				t.Fatalf("set %q to what it is: %v; %q became %q", p, err, data, doc.Bytes())
			}
		})
	})
}

func eachPointer(d *Doc, at string, f func(string)) {
	f(at)
	keys, err := d.Keys(at)
	if err != nil {
		return
	}
	for i, k := range keys {
		if i == 20 || !utf8.ValidString(k) {
			return
		}
		eachPointer(d, at+Pointer(k), f)
	}
}

// FuzzSetDelete checks that a member set and deleted leaves no trace, and that
// edits never make anything but strict JSON.
func FuzzSetDelete(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), []byte{byte(i), byte(i + 1), byte(i + 2), byte(i + 3), 5})
	}
	f.Fuzz(func(t *testing.T, data, script []byte) {
		doc, err := Parse(data)
		if err != nil {
			return
		}
		w := walk{script}
		for len(w.b) > 0 {
			p, v := w.pointer(), w.value()
			before := doc.Bytes()
			_, was := doc.Get(p)
			top := missingTop(doc, p)
			if err := doc.Set(p, v); err != nil {
				if !bytes.Equal(doc.Bytes(), before) {
					t.Fatalf("a failed set of %q changed %q to %q", p, before, doc.Bytes())
				}
				continue
			}
			check(t, doc, before, "set "+p)
			got, ok := doc.Get(p)
			if !ok || !bytes.Equal(got, bytes.TrimSpace(v)) {
				t.Fatalf("%q set to %q in %q gives %q", p, v, before, got)
			}
			if was {
				continue
			}
			trial := Doc{b: doc.b, emptied: doc.emptied}
			if err := trial.Delete(top); err != nil || !bytes.Equal(trial.Bytes(), before) {
				t.Fatalf("set and delete %q (%v)\n%q\nbecame\n%q\nby way of\n%q", p, err, before, trial.Bytes(), doc.Bytes())
			}
		}
	})
}

// missingTop returns the shortest part of p that is not in the document.
func missingTop(d *Doc, p string) string {
	keys, _ := split(p)
	for i := range keys {
		if _, ok := d.Get(Pointer(keys[:i+1]...)); !ok {
			return Pointer(keys[:i+1]...)
		}
	}
	return p
}

// FuzzRestore checks that whatever was set and deleted, in whatever order,
// Restore brings every byte back.
func FuzzRestore(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), []byte{byte(i), 1, byte(i + 2), 3, byte(i + 4), 2, 2, 2, 2, 0, 1, 0, 1}, uint(i))
	}
	f.Fuzz(func(t *testing.T, data, script []byte, order uint) {
		old, err := Parse(data)
		if err != nil {
			return
		}
		doc, _ := Parse(data)
		w := walk{script}
		var touched []string
		log := ""
		for len(w.b) > 0 && len(touched) < 6 {
			p := w.pointer()
			deleting := w.next()%2 == 1
			if !deleting && !has(doc, p) && has(old, missingTop(doc, p)) {
				return // deleted and set again: several such may end up in another order
			}
			if deleting {
				err = doc.Delete(p)
			} else {
				err = doc.Set(p, w.value())
			}
			check(t, doc, data, fmt.Sprintf("edit %q", p))
			if err == nil && inObjects(old, p) {
				touched = append(touched, p)
				log += fmt.Sprintf("%v %q: %q\n", deleting, p, doc.Bytes())
			} else if err == nil {
				return // it went through what is an array or a word in the old text
			}
		}
		for n := len(touched); n > 0; n-- {
			i := int(order % uint(n))
			order /= 2
			if err := doc.Restore(touched[i], old); err != nil {
				return
			}
			check(t, doc, data, "restore")
			log += fmt.Sprintf("restore %q: %q\n", touched[i], doc.Bytes())
			touched = append(touched[:i], touched[i+1:]...)
		}
		if !bytes.Equal(doc.Bytes(), data) {
			t.Fatalf("%q became\n%q\n%s", data, doc.Bytes(), log)
		}
	})
}

func has(d *Doc, p string) bool {
	_, ok := d.Get(p)
	return ok
}

// inObjects reports whether all that p goes through in d, as far as it is
// there, are objects.
func inObjects(d *Doc, p string) bool {
	keys, _ := split(p)
	for i := range keys {
		at, ok := d.find(keys[:i])
		if !ok {
			return true
		}
		if d.b[at] != '{' {
			return false
		}
	}
	return true
}

func check(t *testing.T, doc *Doc, from []byte, what string) {
	t.Helper()
	if _, err := Parse(doc.Bytes()); err != nil {
		t.Fatalf("%s: %q became %q: %v", what, from, doc.Bytes(), err)
	}
}

func FuzzEqual(f *testing.F) {
	f.Add(`1.0`, `1`)
	f.Add(`{"a":1,"b":2}`, `{"b":2,"a":1}`)
	f.Add(`1e2`, `100`)
	f.Add(`"\u00e9"`, `"é"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if Equal([]byte(a), []byte(b)) != Equal([]byte(b), []byte(a)) {
			t.Fatalf("%q and %q: the order counts", a, b)
		}
		ca, err := Canonical([]byte(a))
		if err != nil {
			return
		}
		if again, err := Canonical([]byte(" " + a + "\n")); err != nil || !bytes.Equal(ca, again) {
			t.Fatalf("%q: %q, then %q (%v)", a, ca, again, err)
		}
	})
}
