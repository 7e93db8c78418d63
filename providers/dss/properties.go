package dss

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Properties is a Java properties file, config/dip.properties. It is edited
// entry by entry: what is not edited stays byte for byte.
type Properties struct{ parts []propertyPart }

// propertyPart is an entry with its continuation lines, or a line that is none
// (key is then "" and entry false).
type propertyPart struct {
	raw   string
	key   string
	value string
	entry bool
}

// ParseProperties never fails: every line means something.
func ParseProperties(data []byte) *Properties {
	p := &Properties{}
	lines := strings.SplitAfter(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		raw := lines[i]
		if raw == "" {
			continue
		}
		logical := strings.TrimLeft(strings.TrimRight(raw, "\r\n"), " \t\f")
		if logical == "" || logical[0] == '#' || logical[0] == '!' {
			p.parts = append(p.parts, propertyPart{raw: raw})
			continue
		}
		for continued(logical) {
			logical = logical[:len(logical)-1]
			if i+1 >= len(lines) || lines[i+1] == "" {
				break
			}
			i++
			raw += lines[i]
			logical += strings.TrimLeft(strings.TrimRight(lines[i], "\r\n"), " \t\f")
		}
		key, value := splitProperty(logical)
		p.parts = append(p.parts, propertyPart{raw: raw, key: key, value: value, entry: true})
	}
	return p
}

// Bytes returns the file.
func (p *Properties) Bytes() []byte {
	var b strings.Builder
	for _, part := range p.parts {
		b.WriteString(part.raw)
	}
	return []byte(b.String())
}

// Get returns the value; of several, the last one counts, as in Java.
func (p *Properties) Get(key string) (string, bool) {
	for i := len(p.parts) - 1; i >= 0; i-- {
		if p.parts[i].entry && p.parts[i].key == key {
			return p.parts[i].value, true
		}
	}
	return "", false
}

// Set changes the entry that counts, or adds one at the end.
func (p *Properties) Set(key, value string) error {
	if key == "" || strings.ContainsRune(key+value, 0) || !utf8.ValidString(key) || !utf8.ValidString(value) {
		return fmt.Errorf("set the property %q: an empty key, or a text with a NUL or bytes that are no UTF-8", key)
	}
	line := escapeProperty(key, true) + "=" + escapeProperty(value, false)
	for i := len(p.parts) - 1; i >= 0; i-- {
		part := &p.parts[i]
		if !part.entry || part.key != key {
			continue
		}
		if part.value != value {
			part.raw, part.value = line+lineEnd(part.raw), value
		}
		return nil
	}
	end := "\n"
	if last := len(p.parts) - 1; last >= 0 {
		if e := lineEnd(p.parts[last].raw); e != "" {
			end = e
		} else {
			p.parts[last].raw += end
		}
	}
	p.parts = append(p.parts, propertyPart{raw: line + end, key: key, value: value, entry: true})
	return nil
}

// Delete removes every entry of the key and reports whether there was one.
func (p *Properties) Delete(key string) bool {
	kept, found := p.parts[:0:0], false
	for _, part := range p.parts {
		if part.entry && part.key == key {
			found = true
			continue
		}
		kept = append(kept, part)
	}
	p.parts = kept
	return found
}

func lineEnd(raw string) string {
	return raw[len(strings.TrimRight(raw, "\r\n")):]
}

// continued reports an odd number of backslashes at the end.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty splits at the first '=', ':' or white space that is not
// escaped; white space around the first '=' or ':' does not count.
func splitProperty(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return unescapeProperty(line[:end]), unescapeProperty(rest)
}

// hexUnit reads four hexadecimal digits at the beginning of s.
func hexUnit(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil
}

func unescapeProperty(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, ok := hexUnit(s[i+1:])
			if !ok {
				b.WriteByte('u')
				continue
			}
			i += 4
			if utf16.IsSurrogate(r) && strings.HasPrefix(s[i+1:], `\u`) {
				if low, ok := hexUnit(s[i+3:]); ok {
					if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
						r, i = pair, i+6
					}
				}
			}
			b.WriteRune(r)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func escapeProperty(s string, key bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\f':
			b.WriteString(`\f`)
		case key && strings.ContainsRune("=: #!", r), !key && i == 0 && r == ' ':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > '~':
			// Java reads the file as ISO 8859-1 or as UTF-8, by how it is asked.
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
