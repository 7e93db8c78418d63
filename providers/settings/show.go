package settings

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
)

// change describes a leaf that differs. Nothing that is declared sensitive, or
// stands under a key that sounds secret, or that DSS has encrypted, is shown.
func change(l *leaf, live found) plan.Change {
	c := plan.Change{Block: Name, Path: pathText(l.Keys), Op: plan.Update}
	switch {
	case l.Remove:
		c.Op = plan.Delete
	case live.raw == nil:
		c.Op = plan.Create
	}
	if live.blocked != "" {
		c.Note = "makes an object of " + printable(live.blocked) + ", which is none"
	}
	after := []byte("null")
	if !l.Remove {
		after, _ = l.json(nil) // without secrets there is nothing to resolve
	}
	before := live.raw
	if before == nil {
		before = []byte("null")
	}
	hinted := slices.ContainsFunc(l.Keys, secret.NameHints)
	if l.secret() || (hinted && (!harmless(before) || !harmless(after))) {
		c.Secret = true
		return c
	}
	c.Before, c.After = mask(before), mask(after)
	if bytes.Equal(c.Before, c.After) {
		c.Note = strings.TrimPrefix(c.Note+"; parts that may be secret are not shown", "; ")
	}
	return c
}

// harmless reports whether a value cannot be a secret.
func harmless(raw []byte) bool {
	switch string(raw) {
	case "true", "false", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// mask returns the JSON in one line, with a placeholder for what may be secret
// inside of it.
func mask(raw []byte) json.RawMessage {
	v, err := decode(raw)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(masked(v, false)) != nil {
		return nil
	}
	return json.RawMessage(bytes.TrimSpace(b.Bytes()))
}

func masked(v any, hide bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		pair := secret.IsPair(member(v))
		for k, e := range v {
			out[k] = masked(e, hide || secret.NameHints(k) || (pair && secret.PairValue(k)))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = masked(e, hide)
		}
		return out
	case string:
		if hide && v != "" {
			return secret.Placeholder
		}
		return secret.Mask(v)
	case json.Number:
		if hide {
			return secret.Placeholder
		}
	}
	return v
}

// member returns a member of an object for secret.IsPair.
func member(v map[string]any) func(string) string {
	return func(name string) string {
		switch m := v[name].(type) {
		case string:
			return m
		case bool:
			return strconv.FormatBool(m)
		}
		return ""
	}
}

// pathText writes keys as HCL would: a.b, a["odd key"].
func pathText(keys []string) string {
	var b strings.Builder
	for i, k := range keys {
		switch {
		case !isIdentifier(k):
			b.WriteString("[" + strconv.Quote(k) + "]")
		case i > 0:
			b.WriteString("." + k)
		default:
			b.WriteString(k)
		}
	}
	return b.String()
}

func isIdentifier(k string) bool {
	for i, r := range k {
		letter := r == '_' || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
		if !letter && (i == 0 || (r != '-' && (r < '0' || r > '9'))) {
			return false
		}
	}
	return k != ""
}

// printable quotes a text with characters that a terminal would not show.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
