package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// forms returns v as it may appear in texts: itself, inside a JSON string with
// and without HTML escapes, in a URL, in base64, and in shell quotes.
func forms(v string) []string {
	out := []string{v}
	for _, escape := range []bool{false, true} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(escape)
		if enc.Encode(v) == nil {
			out = append(out, strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`))
		}
	}
	out = append(out,
		url.QueryEscape(v), url.PathEscape(v), url.UserPassword("", v).String()[1:],
		base64.StdEncoding.EncodeToString([]byte(v)),
		strings.ReplaceAll(v, `'`, `''`), strings.ReplaceAll(v, `'`, `'\''`),
	)
	slices.Sort(out)
	return slices.Compact(out)
}
