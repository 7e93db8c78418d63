package settings

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/dss"
)

// record is what state remembers: which places dssctl has set, and by what it
// recognizes secrets that DSS encrypted afterwards. It holds no secret.
type record struct {
	Set       []string              `json:"set"` // pointers, sorted
	Encrypted map[string]encryption `json:"encrypted,omitempty"`
}

// encryption is the fingerprint of a secret as it was declared, and of the
// ciphertext that was first seen in its place; "" before that.
type encryption struct {
	Value  string `json:"value"`
	Stored string `json:"stored,omitempty"`
}

func readRecord(raw json.RawMessage) record {
	var r record
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &r) // memory is no second truth: unreadable is none
	}
	return r
}

func (r record) equal(other record) bool {
	a, _ := json.Marshal(r)
	b, _ := json.Marshal(other)
	return bytes.Equal(a, b)
}

// has reports whether a place, or one above or below it, is among the leaves.
func has(leaves []leaf, pointer string) bool {
	return slices.ContainsFunc(leaves, func(l leaf) bool {
		p := l.pointer()
		return p == pointer || strings.HasPrefix(p, pointer+"/") || strings.HasPrefix(pointer, p+"/")
	})
}

// settled reports whether the place is as the leaf, whose value is want, says.
func settled(l *leaf, want []byte, live found) bool {
	switch {
	case l.Remove:
		return live.raw == nil
	case live.raw == nil:
		return false
	case l.emptyObject():
		return live.raw[0] == '{'
	default:
		return jsonedit.Equal(want, live.raw)
	}
}

// remembered compares a secret that DSS keeps encrypted, which is no longer the
// text that was set, by what is remembered of it. The result is what to
// remember from now on, when it counts as equal.
func remembered(key secret.Key, r record, l *leaf, want []byte, live found) (encryption, bool) {
	if !l.secret() || live.raw == nil || !equalButEncrypted(want, live.raw) {
		return encryption{}, false
	}
	known, ok := r.Encrypted[l.pointer()]
	if !ok || !secret.Equal(known.Value, valueSum(key, l, want)) {
		return encryption{}, false
	}
	stored := storedSum(key, l, live.raw)
	if known.Stored != "" && !secret.Equal(known.Stored, stored) {
		return encryption{}, false
	}
	known.Stored = stored
	return known, true
}

func valueSum(key secret.Key, l *leaf, want []byte) string {
	return key.Sum("general_settings.value", l.pointer(), canonical(want))
}

func storedSum(key secret.Key, l *leaf, live []byte) string {
	return key.Sum("general_settings.stored", l.pointer(), canonical(live))
}

func canonical(raw []byte) string {
	b, err := jsonedit.Canonical(raw)
	if err != nil {
		return string(raw)
	}
	return string(b)
}

// equalButEncrypted reports whether two values are equal but for strings that
// DSS has encrypted, of which there must be one.
func equalButEncrypted(want, live []byte) bool {
	w, werr := decode(want)
	l, lerr := decode(live)
	found := false
	return werr == nil && lerr == nil && sameButEncrypted(w, l, &found) && found
}

func sameButEncrypted(want, live any, found *bool) bool {
	switch w := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok || len(w) != len(l) {
			return false
		}
		for k, v := range w {
			lv, ok := l[k]
			if !ok || !sameButEncrypted(v, lv, found) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		return ok && slices.EqualFunc(w, l, func(a, b any) bool { return sameButEncrypted(a, b, found) })
	case json.Number:
		l, ok := live.(json.Number)
		return ok && jsonedit.Equal([]byte(w), []byte(l))
	case string:
		l, ok := live.(string)
		if ok && l != w && strings.HasPrefix(l, dss.EncryptedPrefix) {
			*found = true
			return true
		}
		return ok && l == w
	default:
		return want == live
	}
}

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
