// Package jsonedit changes single values of a JSON file and leaves every other
// byte as it is: key order, whitespace, escapes, the spelling of numbers.
//
// A Doc is the file's text. Parse checks it strictly, once; each edit then
// replaces one stretch of it. There is no tree: the strict check has to read
// every byte anyway, places are found by reading on, and a file of megabytes
// costs no more memory than itself. (hujson's tree would be a second parse,
// says nothing of duplicate keys, and cannot put a member back in its place.)
//
// Places are named by RFC 6901 pointers: "/internalDatabase/schema", "" for
// the whole, "~1" for a slash and "~0" for a tilde inside a key.
package jsonedit

import (
	"fmt"
	"maps"
)

// Doc is a JSON file whose top-level value is an object. It is not safe for
// use by several goroutines while one of them edits it.
type Doc struct {
	b []byte
	// emptied is the white space inside objects that were empty before the
	// first member was set, by pointer: taking the member out again brings it
	// back.
	emptied map[string]string
}

// Parse checks that data is one JSON object in the strict sense: RFC 8259,
// valid UTF-8, no byte order mark, no comments or trailing commas, no key twice
// in an object, nesting of at most MaxDepth. An error is a *SyntaxError. The
// Doc keeps a copy of data.
func Parse(data []byte) (*Doc, error) {
	s := scanner{b: data}
	if err := s.document(); err != nil {
		return nil, err
	}
	return &Doc{b: append([]byte(nil), data...)}, nil
}

// Clone returns a Doc of its own with the same text. It costs next to nothing:
// edits replace the text and never change it in place.
func (d *Doc) Clone() *Doc { return &Doc{b: d.b, emptied: maps.Clone(d.emptied)} }

// Bytes returns a copy of the text as it is now.
func (d *Doc) Bytes() []byte { return append([]byte(nil), d.b...) }

// Get returns a copy of the text of a value, without the white space around
// it; false when there is none.
func (d *Doc) Get(pointer string) (raw []byte, ok bool) {
	tokens, err := split(pointer)
	if err != nil {
		return nil, false
	}
	at, ok := d.find(tokens)
	if !ok {
		return nil, false
	}
	return append([]byte(nil), d.b[at:skipValue(d.b, at)]...), true
}

// Keys returns the keys of an object in their order.
func (d *Doc) Keys(pointer string) ([]string, error) {
	tokens, err := split(pointer)
	if err != nil {
		return nil, err
	}
	at, ok := d.find(tokens)
	if !ok {
		return nil, fmt.Errorf("there is nothing at %s", place(tokens))
	}
	if d.b[at] != '{' {
		return nil, notObject(tokens, d.b[at])
	}
	var keys []string
	eachMember(d.b, at, func(m member) bool {
		keys = append(keys, string(unquote(d.b[m.key:m.keyEnd])))
		return true
	})
	return keys, nil
}

// find returns the offset of the value that the tokens lead to.
func (d *Doc) find(tokens []string) (at int, ok bool) {
	at = skipSpace(d.b, 0)
	for _, token := range tokens {
		if at, ok = child(d.b, at, token); !ok {
			return 0, false
		}
	}
	return at, true
}

// splice replaces the text from one offset to another.
func (d *Doc) splice(from, to int, by []byte) {
	out := make([]byte, 0, len(d.b)-(to-from)+len(by))
	out = append(out, d.b[:from]...)
	out = append(out, by...)
	d.b = append(out, d.b[to:]...)
}
