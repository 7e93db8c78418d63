package schedule

import (
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// plain needs no quotes, in a shell or in a unit file.
var plain = lazyregexp.New(`^[A-Za-z0-9_/.,:=@+-]+$`)

// shellWord quotes a word for any shell that cron may use.
func shellWord(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// shellWords reads what shellWord wrote, and plain words besides; ok is false
// for anything else of a shell.
func shellWords(s string) (words []string, ok bool) {
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		var word strings.Builder
		for s != "" && s[0] != ' ' {
			switch {
			case s[0] == '\'':
				inside, rest, closed := strings.Cut(s[1:], "'")
				if !closed {
					return nil, false
				}
				word.WriteString(inside)
				s = rest
			case strings.HasPrefix(s, `\'`):
				word.WriteByte('\'')
				s = s[2:]
			case plain.MatchString(s[:1]):
				word.WriteByte(s[0])
				s = s[1:]
			case strings.HasPrefix(s, "&& ") && word.Len() == 0:
				word.WriteString("&&")
				s = s[2:]
			default:
				return nil, false
			}
		}
		words = append(words, word.String())
	}
	return words, true
}

// unitWord quotes a word for a unit file; in ExecStart a $ is doubled besides.
func unitWord(s string, exec bool) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if exec {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	if plain.MatchString(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// unitWords reads what unitWord wrote.
func unitWords(s string, exec bool) (words []string, ok bool) {
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		var word string
		if s[0] != '"' {
			word, s, _ = strings.Cut(s, " ")
			if !plain.MatchString(word) {
				return nil, false
			}
			words = append(words, word)
			continue
		}
		end := 1
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(s) || end+1 < len(s) && s[end+1] != ' ' {
			return nil, false
		}
		word = strings.ReplaceAll(s[1:end], `\"`, `"`)
		word = strings.ReplaceAll(word, "%%", "%")
		if exec {
			word = strings.ReplaceAll(word, "$$", "$")
		}
		words = append(words, word)
		s = s[end+1:]
	}
	return words, true
}
