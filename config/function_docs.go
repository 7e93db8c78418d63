package config

import (
	"cmp"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// FunctionDoc describes a function of the language.
type FunctionDoc struct {
	Name   string
	Params []string // "list: list(string)", the last one with "..." where it repeats
	Doc    string   // a sentence
}

// Signature is the function as it is written: "join(separator: string, …)".
func (f FunctionDoc) Signature() string { return f.Name + "(" + strings.Join(f.Params, ", ") + ")" }

// FunctionDocs describes all functions, sorted by name.
func FunctionDocs() []FunctionDoc {
	t := newFunctionTable(LoadOptions{}, "")
	out := make([]FunctionDoc, 0, len(t.all))
	for _, name := range t.names() {
		f := t.all[name]
		d := FunctionDoc{Name: name, Doc: cmp.Or(functionDocs[name], f.Description())}
		for _, p := range f.Params() {
			d.Params = append(d.Params, parameter(p))
		}
		if p := f.VarParam(); p != nil {
			d.Params = append(d.Params, parameter(*p)+"...")
		}
		out = append(out, d)
	}
	return out
}

func parameter(p function.Parameter) string {
	if p.Type == cty.DynamicPseudoType || p.Type == customdecode.ExpressionClosureType {
		return p.Name
	}
	return p.Name + ": " + typeexpr.TypeString(p.Type)
}

// functionDocs are for the functions that say nothing of themselves.
var functionDocs = map[string]string{
	"abspath":        "The path made absolute; a relative one begins at the folder of the file that it stands in.",
	"alltrue":        "Whether all elements are true; true for an empty list.",
	"anytrue":        "Whether one element is true; false for an empty list.",
	"base64decode":   "The text that is encoded as base64.",
	"base64encode":   "The text encoded as base64.",
	"basename":       "The last part of a path.",
	"can":            "Whether the expression has a value, and no error.",
	"coalesce":       "The first argument that is neither null nor an empty string.",
	"dirname":        "A path without its last part.",
	"endswith":       "Whether the string ends with the suffix.",
	"env":            "A variable of the environment; an error where it is not set: `try(env(\"X\"), \"default\")`.",
	"file":           "The content of a text file, 4 MiB at most.",
	"index":          "The place of the first element that equals the value, from 0; an error where there is none.",
	"length":         "The number of elements, or of a string's characters.",
	"lookup":         "The element of this key, or the default where there is none.",
	"nonsensitive":   "The value without its mark: it may be shown from here on.",
	"one":            "The only element of a collection, null where it is empty; an error where there are more.",
	"pathexpand":     "The path with `~/` replaced by the home folder.",
	"replace":        "The string with each occurrence of a text replaced; a text `/in slashes/` is a regular expression.",
	"secret_command": "What the program prints, sensitive, without the final newline. No shell; 60 seconds at most.",
	"secret_file":    "The content of a text file, sensitive, without the final newline; refused when others may read the file.",
	"sensitive":      "The value, marked as sensitive: it appears nowhere.",
	"sha256":         "The SHA-256 of the text in hexadecimal.",
	"sha512":         "The SHA-512 of the text in hexadecimal.",
	"startswith":     "Whether the string begins with the prefix.",
	"strcontains":    "Whether the string contains the text.",
	"sum":            "The sum of the numbers.",
	"try":            "The value of the first expression that has one without an error.",
	"urlencode":      "The text with what has a meaning in a URL encoded.",
}
