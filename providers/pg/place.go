package pg

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// nameBytes is the longest identifier of a server built as usual.
const nameBytes = 63

// Place is where one instance keeps its tables: those of a schema whose names
// begin with the prefix.
type Place struct {
	Schema string `json:"schema"`
	Prefix string `json:"prefix"`
	// Others are prefixes of other instances in the same schema. A table
	// belongs to the longest prefix that it begins with.
	Others []string `json:"others,omitempty"`
}

// String names the place for messages: "schema dss, prefix design_".
func (p Place) String() string {
	if p.Prefix == "" {
		return "schema " + p.Schema
	}
	return "schema " + p.Schema + ", prefix " + p.Prefix
}

// Owns reports whether a relation of the schema belongs here. Names are compared
// as strings. Whether DSS quotes the names it makes is not public, so the
// prefix counts as written and in lower case, which is what the server makes of
// an unquoted name.
func (p Place) Owns(name string) bool {
	if !begins(name, p.Prefix) {
		return false
	}
	for _, q := range p.Others {
		if len(q) > len(p.Prefix) && begins(q, p.Prefix) && begins(name, q) {
			return false
		}
	}
	return true
}

func begins(name, prefix string) bool {
	return strings.HasPrefix(name, prefix) || strings.HasPrefix(name, strings.ToLower(prefix))
}

// base is the name without the prefix.
func (p Place) base(name string) string {
	if len(name) < len(p.Prefix) {
		return name
	}
	return name[len(p.Prefix):]
}

// Moved is the name that an object of p gets at another place. ok is false when
// the name does not begin with p's prefix.
func (p Place) moved(name string, to Place) (string, bool) {
	switch {
	case strings.HasPrefix(name, p.Prefix):
		return to.Prefix + name[len(p.Prefix):], true
	case strings.HasPrefix(name, strings.ToLower(p.Prefix)):
		return strings.ToLower(to.Prefix) + name[len(p.Prefix):], true
	}
	return name, false
}

// clip cuts a name as the server does: at 63 bytes, between characters.
func clip(name string) string {
	if len(name) <= nameBytes {
		return name
	}
	cut := nameBytes
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut]
}

// Quote writes an identifier so that the server takes it letter by letter.
func Quote(names ...string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ".")
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// LongerPrefix returns the longest prefix ending in "_" that all names share
// and that is longer than the place's own; "" when there is none. It is a guess
// at another instance's prefix.
func (p Place) LongerPrefix(names []string) string {
	if len(names) == 0 {
		return ""
	}
	common := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, common) {
			common = common[:len(common)-1]
		}
	}
	common = common[:strings.LastIndexByte(common, '_')+1]
	if len(common) <= len(p.Prefix) {
		return ""
	}
	return common
}

// otherPrefixes guesses the prefixes of other instances from the names that are
// not ours: those by which at least half of our tables are found again.
func (p Place) otherPrefixes(ours, theirs []string) []string {
	bases := map[string]bool{}
	for _, n := range ours {
		bases[p.base(n)] = true
	}
	if len(bases) == 0 {
		return nil
	}
	seen := map[string]int{}
	for _, n := range theirs {
		for cut := 0; cut < len(n); cut++ {
			if bases[n[cut:]] {
				seen[n[:cut]]++
			}
		}
	}
	var out []string
	for prefix, count := range seen {
		if 2*count >= len(bases) && prefix != p.Prefix {
			out = append(out, prefix)
		}
	}
	slices.Sort(out)
	return out
}
