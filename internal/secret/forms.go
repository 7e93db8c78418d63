package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// forms returns v as it may appear in texts: itself, inside a JSON string as Go,
// Gson and Python write it, in a URL, in base64, in HTML, and in shell and SQL
// quotes; and each line of it, for logs go line by line.
func forms(v string) []string {
	out := []string{v}
	for _, escape := range []bool{false, true} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escape)
		if enc.Encode(v) == nil {
			text := b.String()
			out = append(out, text[1:len(text)-2])
		}
	}
	for _, html := range []bool{false, true} {
		for _, ascii := range []bool{false, true} {
			if html || ascii {
				lower, upper := jsonEscaped(v, html, ascii, "%04x"), jsonEscaped(v, html, ascii, "%04X")
				out = append(out, lower, upper)
			}
		}
	}
	for _, escaped := range []string{url.QueryEscape(v), strings.ReplaceAll(url.QueryEscape(v), "+", "%20"), url.PathEscape(v), url.UserPassword("", v).String()[1:]} {
		out = append(out, escaped, percent.ReplaceAllStringFunc(escaped, strings.ToLower))
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString([]byte(v)))
	}
	out = append(out, strings.ReplaceAll(v, `'`, `''`), strings.ReplaceAll(v, `'`, `'\''`), strings.ReplaceAll(v, `\`, `\\`), html.EscapeString(v))
	if strings.ContainsAny(v, "\r\n") {
		for line := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '\r' || r == '\n' }) {
			// What every key of its kind has is no secret.
			if line = strings.TrimSpace(line); len(line) >= shortestLine && !strings.HasPrefix(line, "-----") {
				out = append(out, line)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shortestLine is the length below which a line of a secret is not searched for.
const shortestLine = 8

var percent = lazyregexp.New(`%[0-9A-F]{2}`)

// jsonEscaped is v inside a JSON string: as Gson writes it for HTML, with = and '
// escaped too, and in ASCII, as Python does.
func jsonEscaped(v string, html, ascii bool, hex string) string {
	var b strings.Builder
	escape := func(r rune) {
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u`+hex, u)
		}
	}
	for _, r := range v {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ', html && strings.ContainsRune(`<>&='`, r), ascii && r > '~':
			escape(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
