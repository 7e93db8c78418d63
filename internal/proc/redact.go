package proc

import (
	"strings"

	"github.com/dssctl/dssctl/internal/secret"
)

// redactor hides the secrets of one command and those known to the program.
type redactor struct {
	own    secret.Redactor
	shared *secret.Redactor
	exact  map[string]bool
}

// shortestLine is the length from which a line of a secret of many lines, such
// as a key file, is hidden by itself: output is redacted line by line.
const shortestLine = 8

func newRedactor(shared *secret.Redactor, secrets []string) *redactor {
	r := &redactor{shared: shared, exact: map[string]bool{}}
	for _, s := range secrets {
		if s == "" {
			continue
		}
		r.exact[s] = true
		r.own.Add(s)
		if !strings.ContainsAny(s, "\r\n") {
			continue
		}
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= shortestLine {
				r.own.Add(line)
			}
		}
	}
	return r
}

func (r *redactor) text(s string) string { return r.shared.String(r.own.String(s)) }

// line is text for one line of output, cut when it is very long.
func (r *redactor) line(s string) string {
	long := len(s) > longestLine/2
	s = r.text(s)
	if long && len(s) > longestLine/2 {
		s = strings.ToValidUTF8(s[:longestLine/2], "") + " ..."
	}
	return s
}

// commandLine shows a command as one would type it. An argument that is a
// secret is hidden also where it is too short to be searched for.
func (r *redactor) commandLine(c Cmd) string {
	words := make([]string, 0, len(c.Args)+1)
	words = append(words, r.argument(c.Path))
	for _, a := range c.Args {
		if r.exact[a] {
			words = append(words, secret.Placeholder)
			continue
		}
		words = append(words, r.argument(a))
	}
	return strings.Join(words, " ")
}

func (r *redactor) argument(a string) string {
	if hidden := r.text(a); hidden != a {
		return hidden
	}
	return quote(a)
}

// CommandLine returns words as one would type them in a shell.
func CommandLine(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return strings.Join(out, " ")
}

const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"

func quote(s string) string {
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
