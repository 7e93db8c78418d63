package secret

import (
	"strings"
	"unicode"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// NameHints reports whether a key sounds as if its value, or what is below it,
// were secret: such a value is not shown. It is meant to err on the safe side:
// "passwordPolicy" hints too.
func NameHints(key string) bool { return hint.MatchString(key) }

var hint = lazyregexp.New(`(?i)pass|secret|token|api[._-]?key|credential|private|\bpwd?\b|pwd$|key[._-]?material|[._-]key$|auth[._-]?key|access[._-]?key|signing[._-]?key|encryption[._-]?key`)

// NameMeans reports whether a key names a secret itself: its last words are
// "password", "token", "API key" or the like, in any spelling of words.
// "passwordPolicy" and "tokenExpiration" do not.
func NameMeans(key string) bool {
	words := wordsOf(key)
	n := len(words)
	if n == 0 {
		return false
	}
	last := words[n-1]
	for _, end := range []string{"password", "passwd", "passphrase", "secret", "token", "storepass", "keypass"} {
		if strings.HasSuffix(last, end) {
			return true
		}
	}
	switch last {
	case "pwd", "pw", "pass", "credential", "credentials", "apikey":
		return true
	case "key":
		if n == 1 {
			return false
		}
		switch words[n-2] {
		case "api", "private", "secret", "access", "signing", "encryption", "auth":
			return true
		}
	case "material":
		return n > 1 && words[n-2] == "key"
	}
	return false
}

// wordsOf takes camelCase, snake_case, kebab-case and dotted names apart, in
// lower case.
func wordsOf(key string) []string {
	var b strings.Builder
	var before rune
	for _, r := range key {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		b.WriteRune(r)
		before = r
	}
	return strings.Fields(strings.ToLower(b.String()))
}
