package secret

import (
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// Shown returns a value as it may be shown, with the placeholder for what is, or
// may be, secret in it. names are the keys under which the value stands: one that
// hints at a secret hides the whole value, unless it cannot be one.
func Shown(value string, names ...string) string {
	for _, name := range names {
		if !NameHints(name) || harmless(value) || (isPath(value) && !NameMeans(name)) {
			continue
		}
		return Placeholder
	}
	return Mask(value)
}

// Holds reports whether a value must be declared as sensitive: its own key (the
// last of names) names a secret, or a part of the value is one.
func Holds(value string, names ...string) bool {
	if len(names) > 0 && NameMeans(names[len(names)-1]) && !harmless(value) {
		return true
	}
	return Mask(value) != value
}

// IsPair reports whether an object is a name with a value that is secret, as in
// {"key": "mail.smtp.password", "value": "…"}. member returns a member of it as
// text, "" where there is none.
func IsPair(member func(name string) string) bool {
	if member("secret") == "true" {
		return true
	}
	for _, k := range []string{"key", "name", "property", "variable", "header"} {
		if name := member(k); NameHints(name) || strings.EqualFold(name, "authorization") {
			return true
		}
	}
	return false
}

// PairValue reports whether a member's name is that of a pair's value.
func PairValue(name string) bool { return name == "value" || name == "val" || name == "content" }

// harmless reports whether a value cannot be a secret.
func harmless(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "true", "false", "null", "none", Placeholder:
		return true
	}
	return false
}

// isPath tells the place of a key file from the key.
func isPath(value string) bool { return path.MatchString(value) }

var path = lazyregexp.New(`^/[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+ -]+)*/?$`)

// Mask returns a text with the placeholder for each part that is a secret by its
// form: password=…, -Dx.keyStorePassword=…, --token …, "secret": "…", user:PW@
// in a URL, Authorization: Bearer …, private keys in PEM, the tokens of well-known
// services, and what DSS has encrypted.
func Mask(s string) string {
	// Nearly all values hold nothing: words are looked for before forms.
	lower := strings.ToLower(s)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	if has("-----begin") {
		s = pemKey.ReplaceAllString(s, Placeholder)
	}
	if has("e:aes:") {
		s = ciphertext.ReplaceAllString(s, Placeholder)
	}
	if has("gh", "glpat-", "xox", "akia", "asia", "eyj", "hvs.", "dkuaps-") {
		s = knownToken.ReplaceAllString(s, Placeholder)
	}
	if has("://") && has("@") {
		s = userInfo.ReplaceAllStringFunc(s, maskUserInfo)
	}
	if has("jdbc:oracle") {
		s = oracleUser.ReplaceAllString(s, "${1}"+Placeholder+"@")
	}
	if has("bearer", "authorization") {
		s = authorization.ReplaceAllString(s, "${1}"+Placeholder)
	}
	if !has("pass", "pw", "secret", "token", "credential", "key", "material") {
		return s
	}
	return maskValues(option, maskValues(assignment, s))
}

// What looks like a secret, whatever the key.
var (
	pemKey        = lazyregexp.New(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)
	knownToken    = lazyregexp.New(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|A[KS]IA[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+|hvs\.[A-Za-z0-9_-]{20,}|dkuaps-[A-Za-z0-9]{16,})`)
	userInfo      = lazyregexp.New(`(?i)[a-z][a-z0-9+.-]*://[^/\s"'<>]*@`)
	oracleUser    = lazyregexp.New(`(?i)(jdbc:oracle:[a-z0-9]+:[^/@\s:]+/)[^@\s]+@`)
	authorization = lazyregexp.New(`(?i)\b((?:authorization["']?\s*[:=]\s*["']?(?:basic|token|apikey|negotiate|digest)|bearer)\s+)[A-Za-z0-9._~+/=:-]{6,}`)
	// NAME=VALUE, NAME: VALUE, "NAME": "VALUE"; the value ends where a list of
	// properties, a query or a command line would go on.
	assignment = lazyregexp.New(`([A-Za-z_][A-Za-z0-9_.-]*)(\\?["']?\s*(?:=>|:=|=|:)\s*)(\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;&,"'\\)}\]]+)`)
	// --password VALUE, -storepass VALUE.
	option = lazyregexp.New(`(--?[A-Za-z][A-Za-z0-9_.-]*)(\s+)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"'-][^\s"']*)`)
)

// maskValues masks the third group of each match, a value, whose first, a name,
// means a secret. What follows a name that does not is looked at again: it may be a
// list of names and values itself.
func maskValues(re *lazyregexp.Regexp, s string) string {
	var b strings.Builder
	for {
		m := re.FindStringSubmatchIndex(s)
		if m == nil {
			b.WriteString(s)
			return b.String()
		}
		name, value := strings.TrimLeft(s[m[2]:m[3]], "-"), s[m[6]:m[7]]
		bare := strings.Trim(strings.ReplaceAll(value, `\"`, `"`), `"'`)
		if !NameMeans(name) || harmless(bare) || reference.MatchString(bare) {
			b.WriteString(s[:m[6]])
			s = s[m[6]:]
			continue
		}
		quote := value[:len(value)-len(strings.TrimLeft(value, `\"'`))]
		b.WriteString(s[:m[6]] + quote + Placeholder + quote)
		s = s[m[7]:]
	}
}

// reference is a value that only says where the secret is.
var reference = lazyregexp.New(`^(?:\$\{?[A-Za-z_][A-Za-z0-9_.:]*\}?|%[A-Za-z_]+%|\{\{.*\}\}|\(secret.*)$`)

// maskUserInfo keeps the user's name of "scheme://user:password@".
func maskUserInfo(s string) string {
	head, info, _ := strings.Cut(strings.TrimSuffix(s, "@"), "://")
	user, password, ok := strings.Cut(info, ":")
	if !ok || harmless(password) || reference.MatchString(password) {
		return s
	}
	return head + "://" + user + ":" + Placeholder + "@"
}
