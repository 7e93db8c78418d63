package jsonedit

import (
	"fmt"
	"strconv"
	"strings"
)

// Pointer returns the RFC 6901 pointer of these keys.
func Pointer(keys ...string) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteByte('/')
		b.WriteString(escapes.Replace(k))
	}
	return b.String()
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// split takes a pointer apart.
func split(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	if pointer[0] != '/' {
		return nil, fmt.Errorf("the JSON pointer %q must begin with a slash", pointer)
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, t := range tokens {
		if !strings.Contains(t, "~") {
			continue
		}
		if bare := strings.NewReplacer("~0", "", "~1", "").Replace(t); strings.Contains(bare, "~") {
			return nil, fmt.Errorf("the JSON pointer %q has a ~ that is not part of ~0 or ~1", pointer)
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// place names a pointer in messages.
func place(tokens []string) string {
	if len(tokens) == 0 {
		return "the top"
	}
	return printable(Pointer(tokens...))
}

// longestPlace is where the name of a place is cut, in bytes.
const longestPlace = 200

// printable quotes a text that holds control characters or such, and cuts a
// very long one: keys come from the file.
func printable(s string) string {
	if len(s) > longestPlace {
		s = strings.ToValidUTF8(s[:longestPlace], "") + "…"
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// index reads an array index of a pointer: digits without a leading zero.
func index(token string) (int, bool) {
	if token == "" || (token[0] == '0' && len(token) > 1) {
		return 0, false
	}
	for i := range len(token) {
		if token[i] < '0' || token[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(token)
	return n, err == nil
}
