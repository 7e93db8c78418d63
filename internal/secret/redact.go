package secret

import (
	"regexp"
	"sort"
	"strings"
	"sync"
)

// shortest is the length below which a value is not searched for: taking every
// "a" out of a text would hide nothing and ruin the text.
const shortest = 4

var ciphertext = regexp.MustCompile(`e:AES:[A-Za-z0-9+/=_:.\-]+`)

// Redactor replaces known secrets, and DSS's encrypted strings, by a
// placeholder. It may be used from several goroutines. The zero value knows no
// values and takes out encrypted strings only.
type Redactor struct {
	mu     sync.RWMutex
	values []string
}

// Add makes values known, each also in the forms it takes inside JSON and URLs.
func (r *Redactor) Add(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		for _, form := range forms(v) {
			if len(form) >= shortest {
				r.values = append(r.values, form)
			}
		}
	}
	// The longest first: a secret may contain another.
	sort.SliceStable(r.values, func(i, j int) bool { return len(r.values[i]) > len(r.values[j]) })
}

// String returns s without the known secrets.
func (r *Redactor) String(s string) string {
	if r == nil {
		return s
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, v := range r.values {
		s = strings.ReplaceAll(s, v, Placeholder)
	}
	return ciphertext.ReplaceAllString(s, Placeholder)
}
