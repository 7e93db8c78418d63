package dss

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// EnvFile is a shell file of assignments, such as bin/env-default.sh. It is
// read tolerantly and edited line by line: what is not edited stays byte for
// byte.
type EnvFile struct{ lines []string }

// ParseEnvFile never fails: what is no assignment is kept and ignored.
func ParseEnvFile(data []byte) *EnvFile {
	return &EnvFile{lines: strings.SplitAfter(string(data), "\n")}
}

// Bytes returns the file.
func (f *EnvFile) Bytes() []byte { return []byte(strings.Join(f.lines, "")) }

// Values returns each variable's value as the shell would see it, the last
// assignment winning. References to variables set earlier in the file are
// filled in, others are left as they stand.
func (f *EnvFile) Values() map[string]string {
	out := map[string]string{}
	for _, line := range f.lines {
		for _, a := range assignments(line) {
			out[a.name] = unquoteShell(line[a.from:a.to], out)
		}
	}
	return out
}

// Get returns one variable's value.
func (f *EnvFile) Get(name string) (string, bool) {
	v, ok := f.Values()[name]
	return v, ok
}

var shellName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Set gives the variable a value, in its last assignment or in a new line at
// the end.
func (f *EnvFile) Set(name, value string) error {
	if !shellName.MatchString(name) {
		return fmt.Errorf("set %q: no name of a shell variable", name)
	}
	if strings.ContainsAny(value, "\x00\n\r") {
		return fmt.Errorf("set %s: the value has a line break or a NUL in it", name)
	}
	if old, ok := f.Get(name); ok && old == value {
		return nil
	}
	for i := len(f.lines) - 1; i >= 0; i-- {
		as := assignments(f.lines[i])
		for j := len(as) - 1; j >= 0; j-- {
			if as[j].name == name {
				f.lines[i] = f.lines[i][:as[j].from] + quoteShell(value) + f.lines[i][as[j].to:]
				return nil
			}
		}
	}
	if last := len(f.lines) - 1; last >= 0 && f.lines[last] != "" {
		f.lines[last] += "\n"
	}
	f.lines = append(f.lines, "export "+name+"="+quoteShell(value)+"\n")
	return nil
}

// Delete removes the lines that assign the variable and nothing else, and
// reports whether there were any.
func (f *EnvFile) Delete(name string) bool {
	kept, found := f.lines[:0:0], false
	for _, line := range f.lines {
		if as := assignments(line); len(as) == 1 && as[0].name == name {
			found = true
			continue
		}
		kept = append(kept, line)
	}
	f.lines = kept
	return found
}

// assignment is NAME=VALUE in a line; from and to bound the value.
type assignment struct {
	name     string
	from, to int
}

var assign = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_]*)=`)

// assignments finds what a line assigns: `export A="x" B=y`, `A=x`. Text behind
// the first word of another kind is not looked at.
func assignments(line string) []assignment {
	var out []assignment
	pos := 0
	for {
		for pos < len(line) && (line[pos] == ' ' || line[pos] == '\t' || line[pos] == ';') {
			pos++
		}
		rest := line[pos:]
		if word := shellPrefix(rest); word > 0 {
			pos += word
			continue
		}
		m := assign.FindStringSubmatch(rest)
		if m == nil {
			return out
		}
		from := pos + len(m[0])
		to := from + valueEnd(line[from:])
		out = append(out, assignment{m[1], from, to})
		pos = to
	}
}

// shellPrefix returns the length of a leading word that goes with assignments.
func shellPrefix(s string) int {
	for _, word := range []string{"export", "declare", "typeset", "readonly", "-x", "-r", "-rx"} {
		if rest, ok := strings.CutPrefix(s, word); ok && rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			return len(word)
		}
	}
	return 0
}

// valueEnd returns where a shell word ends.
func valueEnd(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' || c == '\r':
			return i
		case quote == 0 && (c == ' ' || c == '\t' || c == ';'):
			return i
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		case c == '\\' && quote != '\'':
			i++
		}
	}
	return len(s)
}

func quoteShell(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(v) + `"`
}

// unquoteShell returns what the word means, with known variables filled in.
func unquoteShell(word string, known map[string]string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(word):
			i++
			if quote == '"' && !strings.ContainsRune("\"\\$`", rune(word[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(word[i])
		case c == '$' && quote != '\'':
			value, length := expand(word[i:], known)
			b.WriteString(value)
			i += length - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var reference = lazyregexp.New(`^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^{}]*))?\})`)

// expand returns the value of the reference at the head of s, and its length.
func expand(s string, known map[string]string) (string, int) {
	m := reference.FindStringSubmatchIndex(s)
	if m == nil {
		return "$", 1
	}
	part := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	if v, ok := known[part(1)+part(2)]; ok {
		return v, m[1]
	}
	if m[6] >= 0 {
		return part(3), m[1]
	}
	return s[:m[1]], m[1]
}
