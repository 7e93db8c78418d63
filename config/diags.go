package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

func (l *loader) report(d ...*hcl.Diagnostic) { l.diags = append(l.diags, d...) }

// errorAt makes an error with its place; at may be nil.
func errorAt(at *hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	detail := format
	if len(args) > 0 {
		detail = fmt.Sprintf(format, args...)
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at}
}

// tidy sorts by file and line and drops what is said twice. Diagnostics
// without a place come first.
func tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil {
			return cmp.Compare(btoi(a.Subject != nil), btoi(b.Subject != nil))
		}
		return cmp.Or(
			cmp.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
		)
	})
	type key struct {
		severity        hcl.DiagnosticSeverity
		summary, detail string
		at              hcl.Range
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		k := key{severity: d.Severity, summary: d.Summary, detail: d.Detail}
		if d.Subject != nil {
			k.at = *d.Subject
		}
		dup := seen[k]
		seen[k] = true
		return dup
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// closest returns the name that was probably meant, "" for none.
func closest(given string, names []string) string {
	// The longer a name, the more slips.
	allowed := 1 + min(len(given)/5, 2)
	best, distance := "", allowed+1
	for _, n := range names {
		if d := slips(given, n); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// slips counts the letters to change; letters in another order are one slip,
// and so are another case and hyphens.
func slips(given, name string) int {
	d := levenshtein.Distance(given, name, nil)
	if d > 1 && (slices.Equal(letters(given), letters(name)) || fold(given) == fold(name)) {
		return 1
	}
	return d
}

func letters(s string) []byte {
	b := []byte(s)
	slices.Sort(b)
	return b
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

// shortList is how many names are listed in full.
const shortList = 12

// hint is the end of a sentence about an unknown name: a guess, and the list of
// what there is where that is short. It begins with a space, or is empty.
func hint(given string, names []string, what string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	out := ""
	if n := closest(given, names); n != "" {
		out = fmt.Sprintf(" Did you mean %q?", n)
	}
	if len(names) > 0 && len(names) <= shortList && what != "" {
		out += fmt.Sprintf(" %s: %s.", what, strings.Join(names, ", "))
	}
	return out
}

// place is a range in words: "main.dss.hcl:5,3-13".
func place(r hcl.Range) string { return r.String() }

// wordList joins names as in a sentence: `"a", "b" or "c"`.
func wordList(names []string, last string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + last + " " + quoted[len(quoted)-1]
}

// DidYouMean returns " Did you mean \"NAME\"?" for the name that was probably
// meant, or "" when none is near.
func DidYouMean(given string, names []string) string { return hint(given, names, "") }
