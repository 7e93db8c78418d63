package release

import (
	"fmt"
	"slices"
	"strings"
)

func contains(all []string, s string) bool { return slices.Contains(all, s) }

// listed writes `a`, `b`, `c`.
func listed(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// some names the first of many.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// quote makes a word fit for a shell.
func quote(s string) string {
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:@=+,%", r) {
			return -1
		}
		return r
	}
	if s != "" && strings.Map(plain, s) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func commandLine(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return strings.Join(out, " ")
}
