package dss

import (
	"strings"
)

// unitText is what a unit's file and its drop-ins say together, as systemd puts
// it together: the section [Service] by key, in the order of the assignments.
type unitText map[string][]string

// Keys with one value; for all others an assignment adds to the list, and an
// empty one begins it again.
var oneValue = map[string]bool{
	"Type": true, "User": true, "Group": true, "WorkingDirectory": true, "RootDirectory": true,
	"PIDFile": true, "RemainAfterExit": true, "KillMode": true,
}

// parseUnit puts a unit's texts together, the fragment first.
func parseUnit(texts ...string) unitText {
	out := unitText{}
	for _, text := range texts {
		section := ""
		for _, line := range unitLines(text) {
			if strings.HasPrefix(line, "[") {
				section = strings.Trim(line, "[]")
				continue
			}
			key, value, ok := strings.Cut(line, "=")
			if !ok || section != "Service" {
				continue
			}
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			switch {
			case value == "", oneValue[key]:
				out[key] = nil
				if value == "" {
					continue
				}
			}
			out[key] = append(out[key], value)
		}
	}
	return out
}

// unitLines are the lines that say something, a line that goes on after a
// backslash as one.
func unitLines(text string) []string {
	var out []string
	whole := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue // also in the middle of one
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			whole += head + " "
			continue
		}
		if whole += line; whole != "" {
			out = append(out, whole)
		}
		whole = ""
	}
	if whole != "" {
		out = append(out, whole)
	}
	return out
}

func (u unitText) last(key string) string {
	all := u[key]
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// isJob reports whether the unit ends with what it starts: a backup, a check.
// Such a unit may stop and start DSS, and does not own it.
func (u unitText) isJob() bool {
	return strings.EqualFold(u.last("Type"), "oneshot") && !isYes(u.last("RemainAfterExit"))
}

func isYes(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1", "y", "t":
		return true
	}
	return false
}

// words is the text of the whole section, with its specifiers and the variables
// that it sets filled in.
func (u unitText) words(unit string, vars map[string]string) string {
	var b strings.Builder
	for _, all := range u {
		for _, v := range all {
			b.WriteString(expandUnit(withoutMarks(v), unit, vars) + "\n")
		}
	}
	return b.String()
}

// withoutMarks leaves out what may stand before a path and is no part of it: "-"
// for what may fail or be missing, "+", "!" and ":" for how it is run.
func withoutMarks(value string) string { return strings.TrimLeft(value, "-@:+!|") }

// expandUnit fills in a value's specifiers and variables; what is not known
// stays as it stands.
func expandUnit(value, unit string, vars map[string]string) string {
	stem := strings.TrimSuffix(unit, ".service")
	prefix, instance, _ := strings.Cut(stem, "@")
	value = strings.NewReplacer(
		"%i", instance, "%I", unescapeUnit(instance), "%f", "/"+strings.TrimPrefix(unescapeUnit(instance), "/"),
		"%n", unit, "%N", stem, "%p", prefix, "%P", unescapeUnit(prefix),
		"%j", prefix[strings.LastIndexByte(prefix, '-')+1:], "%%", "%",
	).Replace(value)
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '$' {
			b.WriteByte(value[i])
			continue
		}
		text, length := expand(value[i:], vars)
		b.WriteString(text)
		i += length - 1
	}
	return b.String()
}

// unescapeUnit turns what systemd-escape made of a path back: "data-dss" is
// data/dss, "\x2d" a dash.
func unescapeUnit(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) && hexByte(s[i+2:i+4]) >= 0:
			b.WriteByte(byte(hexByte(s[i+2 : i+4])))
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hexByte(s string) int {
	n := 0
	for _, c := range []byte(s) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 {
			return -1
		}
		n = n*16 + d
	}
	return n
}

// environment is what the unit sets for its commands: Environment= and the
// files of EnvironmentFile=, whose texts are given.
func (u unitText) environment(unit string, files []string) map[string]string {
	out := map[string]string{}
	add := func(line string) {
		for _, a := range assignments(line) {
			out[a.name] = unquoteShell(line[a.from:a.to], out)
		}
	}
	for _, v := range u["Environment"] {
		for _, word := range unitWords(v) {
			name, value, ok := strings.Cut(word, "=")
			if ok && shellName.MatchString(name) {
				out[name] = expandUnit(value, unit, nil)
			}
		}
	}
	for _, text := range files {
		for _, line := range unitLines(text) {
			add(line)
		}
	}
	return out
}

// unitWords cuts a value as systemd does: at blanks, and quotes hold words
// together.
func unitWords(s string) []string {
	var out []string
	var word strings.Builder
	var quote byte
	open := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				out = append(out, word.String())
				word.Reset()
			}
			open = false
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case c == quote:
			quote = 0
		case c == '\\' && i+1 < len(s) && quote != '\'':
			// \x2d and the like are left to those who look for paths.
			word.WriteByte(c)
			i++
			word.WriteByte(s[i])
			open = true
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		out = append(out, word.String())
	}
	return out
}
