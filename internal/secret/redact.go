package secret

import (
	"bytes"
	"encoding/json"
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// shortest is the length below which a value is not searched for: taking every
// "a" out of a text would hide nothing and ruin the text.
const shortest = 4

var ciphertext = lazyregexp.New(`e:AES:[A-Za-z0-9+/=_:.\-]+`)

// Redactor replaces known secrets, and DSS's encrypted strings, by a
// placeholder, in one pass however many it knows. It may be used from several
// goroutines. The zero value knows no values and takes out encrypted strings
// only.
type Redactor struct {
	mu     sync.Mutex
	values map[string]bool
	// replacer is made when it is first needed after Add.
	replacer *strings.Replacer
}

// Add makes values known, each also in the forms it takes inside JSON and URLs.
func (r *Redactor) Add(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		if len(v) < shortest || harmless(v) || r.values[v] {
			continue
		}
		if r.values == nil {
			r.values = map[string]bool{}
		}
		for _, form := range forms(v) {
			r.values[form] = true
		}
		r.replacer = nil
	}
}

// String returns s without the known secrets.
func (r *Redactor) String(s string) string {
	if r == nil {
		return ciphertext.ReplaceAllString(s, Placeholder)
	}
	return ciphertext.ReplaceAllString(r.known().Replace(s), Placeholder)
}

func (r *Redactor) known() *strings.Replacer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replacer == nil {
		values := make([]string, 0, len(r.values))
		for v := range r.values {
			values = append(values, v)
		}
		// The longest first: a secret may contain another, and the replacer
		// takes the first that fits.
		sort.Slice(values, func(i, j int) bool {
			return len(values[i]) > len(values[j]) || len(values[i]) == len(values[j]) && values[i] < values[j]
		})
		pairs := make([]string, 0, 2*len(values))
		for _, v := range values {
			pairs = append(pairs, v, Placeholder)
		}
		r.replacer = strings.NewReplacer(pairs...)
	}
	return r.replacer
}

// JSON returns a JSON text without the known secrets, still valid: only what
// strings hold is replaced, and a number that is a secret becomes a string.
func (r *Redactor) JSON(text []byte) []byte {
	var out bytes.Buffer
	for i := 0; i < len(text); {
		n := tokenLength(text[i:])
		token := text[i : i+n]
		i += n
		switch {
		case token[0] == '"':
			var s string
			if json.Unmarshal(token, &s) != nil {
				out.Write(token)
				continue
			}
			clean := r.String(s)
			if clean == s {
				out.Write(token)
				continue
			}
			quoted, _ := json.Marshal(clean) // a string always can be
			out.Write(quoted)
		case len(token) >= shortestNumber && r.knows(string(token)):
			out.WriteString(`"` + Placeholder + `"`)
		default:
			out.Write(token)
		}
	}
	return out.Bytes()
}

// shortestNumber is the length below which a number in JSON is taken for what it
// says: a port, a size.
const shortestNumber = 6

func (r *Redactor) knows(v string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[v]
}

// tokenLength is the length of the string, number or word, or of the one other
// byte, that a JSON text begins with.
func tokenLength(text []byte) int {
	if text[0] == '"' {
		for n := 1; n < len(text); n++ {
			switch text[n] {
			case '\\':
				n++
			case '"':
				return n + 1
			}
		}
		return len(text)
	}
	n := 0
	for n < len(text) && strings.IndexByte("{}[],:\" \t\r\n", text[n]) < 0 {
		n++
	}
	return max(n, 1)
}

// Writer returns a writer that redacts each text written. A text that is JSON as a
// whole stays JSON. A secret that is cut in two by two writes is missed: write
// whole lines.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &redactingWriter{r: r, w: w} }

type redactingWriter struct {
	r *Redactor
	w io.Writer
}

func (w *redactingWriter) Write(p []byte) (int, error) {
	var clean []byte
	if t := bytes.TrimSpace(p); len(t) > 0 && (t[0] == '{' || t[0] == '[') && json.Valid(t) {
		clean = w.r.JSON(p)
	} else {
		clean = []byte(w.r.String(string(p)))
	}
	if _, err := w.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}
