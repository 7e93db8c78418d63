package config

import (
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func evalText(t *testing.T, src string) (cty.Value, error) {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	table := newFunctionTable(LoadOptions{Environ: []string{"HOME=/home/dss", "X=1=2"}}, "")
	v, diags := expr.Value(&hcl.EvalContext{Functions: table.all})
	if diags.HasErrors() {
		return v, diags
	}
	return v, nil
}

func TestFunctions(t *testing.T) {
	for src, want := range map[string]string{
		`abs(-1)`: `1`, `ceil(1.2)`: `2`, `floor(1.8)`: `1`, `max(1, 3)`: `3`, `min(1, 3)`: `1`, `parseint("ff", 16)`: `255`, `pow(2, 3)`: `8`, `signum(-4)`: `-1`, `sum([1, "2", 3])`: `6`, `log(8, 2)`: `3`,
		`chomp("a\n")`: `"a"`, `format("%s-%03d", "a", 7)`: `"a-007"`, `formatlist("%s!", ["a", "b"])`: `["a!", "b!"]`, `indent(2, "a\nb")`: `"a\n  b"`, `join(",", ["a", "b"])`: `"a,b"`,
		`lower("AB")`: `"ab"`, `upper("ab")`: `"AB"`, `title("ab cd")`: `"Ab Cd"`, `trim("xax", "x")`: `"a"`, `trimprefix("ab", "a")`: `"b"`, `trimsuffix("ab", "b")`: `"a"`, `trimspace(" a ")`: `"a"`,
		`regex("[a-z]+", "12ab3")`: `"ab"`, `regexall("[0-9]", "1a2")`: `["1", "2"]`, `replace("a.b", ".", "-")`: `"a-b"`, `replace("a1b2", "/[0-9]/", "_")`: `"a_b_"`, `split(",", "a,b")`: `["a", "b"]`,
		`strrev("abc")`: `"cba"`, `substr("hello", 1, 3)`: `"ell"`, `startswith("ab", "a")`: `true`, `endswith("ab", "a")`: `false`, `strcontains("abc", "b")`: `true`,
		`chunklist([1, 2, 3], 2)`: `[[1, 2], [3]]`, `coalesce(null, "", "a")`: `"a"`, `coalesce(null, 0)`: `0`, `coalescelist([], [1])`: `[1]`, `compact(["", "a"])`: `["a"]`, `concat([1], [2])`: `[1, 2]`, `contains(["a"], "a")`: `true`,
		`distinct([1, 1])`: `[1]`, `element([1, 2], 3)`: `2`, `flatten([[1], [[2]]])`: `[1, 2]`, `index(["a", "b"], "b")`: `1`, `keys({ b = 1, a = 2 })`: `["a", "b"]`, `length([1, 2])`: `2`, `length("äb")`: `2`, `length({})`: `0`, `length(toset([1]))`: `1`,
		`lookup({ a = 1 }, "a")`: `1`, `lookup({ a = 1 }, "b", 2)`: `2`, `lookup(tomap({ a = 1 }), "b", 2)`: `2`, `merge({ a = 1 }, { b = 2 })`: `{ a = 1, b = 2 }`, `range(3)`: `[0, 1, 2]`, `reverse([1, 2])`: `[2, 1]`,
		`sort(setintersection(["a", "b"], ["b"]))`: `["b"]`, `setproduct(["a"], ["b"])`: `[["a", "b"]]`, `sort(setsubtract(["a", "b"], ["b"]))`: `["a"]`, `sort(setunion(["a"], ["b"]))`: `["a", "b"]`, `slice([1, 2, 3], 1, 2)`: `[2]`,
		`sort(["b", "a"])`: `["a", "b"]`, `values({ b = 1, a = 2 })`: `[2, 1]`, `zipmap(["a"], [1])`: `{ a = 1 }`, `alltrue([true, false])`: `false`, `anytrue([true, false])`: `true`, `alltrue([])`: `true`,
		`jsondecode("{\"a\":[1]}").a[0]`: `1`, `jsonencode({ a = 1 })`: `"{\"a\":1}"`, `csvdecode("a,b\n1,2")[0].b`: `"2"`, `base64decode("YQ==")`: `"a"`, `base64encode("a")`: `"YQ=="`, `urlencode("a b&")`: `"a+b%26"`,
		`sha256("a")`: `"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"`, `length(sha512("a"))`: `128`, `formatdate("YYYY", "2026-01-02T03:04:05Z")`: `"2026"`, `timeadd("2026-01-02T03:04:05Z", "1h")`: `"2026-01-02T04:04:05Z"`,
		`tobool("true")`: `true`, `tolist([1])`: `[1]`, `tomap({ a = 1 })`: `{ a = 1 }`, `tonumber("1")`: `1`, `length(toset([1, 1]))`: `1`, `tostring(1)`: `"1"`, `try(env("NONE"), "d")`: `"d"`, `can(env("NONE"))`: `false`,
		`one([])`: `null`, `one([1])`: `1`, `one(toset(["a"]))`: `"a"`, `nonsensitive(sensitive("a"))`: `"a"`, `env("X")`: `"1=2"`, `basename("/a/b")`: `"b"`, `dirname("/a/b")`: `"/a"`, `abspath("/a/../b")`: `"/b"`, `pathexpand("~/x")`: `"/home/dss/x"`,
	} {
		got, err := evalText(t, src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		wantValue, _ := evalText(t, want)
		if eq := jsonText(got) == jsonText(wantValue); !eq {
			t.Errorf("%s = %s, want %s", src, jsonText(got), want)
		}
	}
	for _, src := range []string{`sum([])`, `sum(["x"])`, `index(["a"], "b")`, `lookup({}, "a")`, `one([1, 2])`, `one("a")`, `coalesce(null)`, `coalesce()`, `base64decode("%")`, `base64decode("/w==")`, `length(1)`, `lookup({}, "a", 1, 2)`, `file("/")`, `secret_file("/none")`, `secret_command([])`, `replace("a", "/[/", "")`} {
		if v, err := evalText(t, src); err == nil {
			t.Errorf("%s = %#v, want an error", src, v)
		}
	}
}

func jsonText(v cty.Value) string { return secretString(v) }

// Whatever goes into a function marked comes out marked, and no function
// panics on marked, null or unknown values.
func TestFunctionsKeepMarks(t *testing.T) {
	samples := []cty.Value{
		cty.StringVal("1"), cty.NumberIntVal(2), cty.True, cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}),
		cty.MapVal(map[string]cty.Value{"1": cty.StringVal("x")}), cty.ObjectVal(map[string]cty.Value{"1": cty.StringVal("x")}),
		cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}), cty.SetVal([]cty.Value{cty.StringVal("a")}),
		cty.StringVal("2026-01-02T03:04:05Z"), cty.NullVal(cty.String), cty.UnknownVal(cty.String), cty.DynamicVal, cty.StringVal("/none"),
	}
	table := newFunctionTable(LoadOptions{Environ: []string{"1=x"}}, "")
	worked := map[string]bool{}
	for _, name := range table.names() {
		f := table.all[name]
		if name == "try" || name == "can" {
			continue // they take expressions
		}
		n := len(f.Params())
		if f.VarParam() != nil {
			n++
		}
		var args []cty.Value
		var try func()
		try = func() {
			if len(args) == n {
				if callMarked(t, name, f, args) {
					worked[name] = true
				}
				return
			}
			for _, s := range samples {
				args = append(args, s)
				try()
				args = args[:len(args)-1]
			}
		}
		try()
	}
	for _, name := range table.names() {
		if !worked[name] && !slices.Contains([]string{"try", "can", "file", "secret_file", "secret_command", "chunklist", "slice", "csvdecode", "base64decode"}, name) {
			t.Errorf("%s was never called with success", name)
		}
	}
}

func callMarked(t *testing.T, name string, f function.Function, args []cty.Value) (ok bool) {
	t.Helper()
	for marked := range args {
		with := slices.Clone(args)
		with[marked] = with[marked].Mark(sensitive)
		func() {
			defer func() {
				if r := recover(); r != nil && args[0].IsWhollyKnown() {
					t.Errorf("%s%#v panics: %v", name, with, r)
				}
			}()
			v, err := f.Call(with)
			if err != nil {
				return
			}
			ok = true
			if name != "nonsensitive" && !v.ContainsMarked() {
				if v.IsWhollyKnown() {
					t.Errorf("%s%#v loses the mark: %#v", name, with, v)
				}
			}
		}()
	}
	return ok
}
