package config

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/diagfmt"
	"github.com/dssctl/dssctl/internal/proc"
)

const planted = "Pl4nted-s3cret"

// fakeRunner prints the secret, and fails where it is told so.
type fakeRunner struct {
	calls [][]string
	code  int
}

func (r *fakeRunner) Run(_ context.Context, c proc.Cmd) (proc.Result, error) {
	r.calls = append(r.calls, append([]string{c.Path}, c.Args...))
	res := proc.Result{ExitCode: r.code, Stdout: []byte(planted + "\n"), Stderr: []byte(planted)}
	if r.code != 0 {
		return res, fmt.Errorf("it said %s", planted)
	}
	return res, nil
}

func TestSecretCommand(t *testing.T) {
	src := map[string]string{"m.dss.hcl": `
instance "a" {
  for_each = toset(["x", "y"])
  data_dir = "/data/${each.key}"
  api_key  = "${secret_command(["pass", "show", "dss"])}${each.key}"
}`}
	r := &fakeRunner{}
	e := load(t, LoadOptions{Runner: r}, src)
	if diff := cmp.Diff([][]string{{"pass", "show", "dss"}}, r.calls); diff != "" {
		t.Error("the command must run once:", diff)
	}
	if got := e.Secrets[`instance.a["y"].api_key`]; got != planted+"y" {
		t.Errorf("got %q", got)
	}
	_, diags := tryLoad(LoadOptions{Runner: &fakeRunner{code: 3}}, src)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, `the command "pass" ended with exit code 3; what it printed is not shown`) {
		t.Errorf("%v", diags)
	}
}

// A secret is put into every place where it can stand, with every mistake that
// can be made around it: it must not show in what is said.
func TestNoLeak(t *testing.T) {
	exprs := []string{
		`var.s`, `local.s`, `upper(var.s)`, `parseint(var.s, 10)`, `tonumber(var.s)`, `tobool(local.s)`, `jsondecode(var.s)`,
		`var.s + 1`, `!var.s`, `-var.s`, `var.s ? 1 : 2`, `var.o.k + 1`, `var.o.none`, `var.o["none"]`, `[1, 2][var.s]`, `{ a = 1 }[var.s]`,
		`{ (var.s) = 1 }.x`, `{ for x in [var.s, var.s] : x => 1 }`, `[for x in [var.s] : parseint(x, 10)]`, `[for x in var.s : x]`,
		`formatdate(var.s, "2020")`, `formatdate("YYYY", var.s)`, `timeadd(var.s, "1h")`, `regex(var.s, "a")`, `regex("[", var.s)`,
		`format("%d", var.s)`, `format(var.s, 1)`, `element([1], var.s)`, `lookup({}, var.s)`, `index(["a"], var.s)`, `coalesce(var.s, [])`,
		`one([var.s, var.s])`, `sum([var.s])`, `setproduct(var.s)`, `zipmap([var.s], [])`, `csvdecode(var.s)`, `base64decode(var.s)`,
		`file(var.s)`, `secret_file(var.s)`, `env(var.s)`, `secret_command([var.s])`, `abspath(var.s)`, `range(var.s)`, `chunklist([1], var.s)`,
		`merge(var.s, {})`, `flatten(var.s)`, `tomap({ a = var.s, b = [] })`, `toset([var.s, []])`, `"${[var.s]}"`, `"${{ a = var.s }}"`, `var.o`, `[var.s]`, `{ a = var.s }`,
		`substr(var.s, "x", 1)`, `replace(var.s, "/[/", "")`, `split(1, [var.s])`, `join(var.s, var.s)`, `var.s.x`, `var.s[0]`, `var.s[*].x`, `pow(var.s, 2)`,
		`sensitive("` + planted + `") + 1`, `"` + planted + `" + 1`, `["` + planted + `"]`, `{ x = "` + planted + `" }`, planted, `<<EOT
` + planted + `
EOT
`, `parseint("` + planted + `", 10)`, `nope("` + planted + `")`, `jsondecode("` + planted + `")`,
	}
	attrs := []string{"api_key", "data_dir", "port", "mode", "general_settings", "install_ini", "ignore", "for_each", "password", "api_kye"}
	for _, attr := range attrs {
		for _, expr := range exprs {
			literal := strings.Contains(expr, planted)
			if literal && attr != "api_key" && attr != "password" && attr != "api_kye" && !strings.HasPrefix(expr, "sensitive") {
				continue // a secret where none is expected is no secret
			}
			if strings.HasPrefix(expr, "sensitive") && attr != "api_key" {
				continue
			}
			src := fmt.Sprintf(`
variable "s" {
  sensitive = true
  validation {
    condition     = var.s != var.s
    error_message = "Wrong: ${var.s}"
  }
}
variable "o" {
  type      = object({ k = string })
  sensitive = true
  default   = { k = "%s" }
}
locals { s = var.s }
instance "i" {
  %s = %s
}
instance "j" {
  data_dir = instance.i.api_key
  port     = instance.i.general_settings
}
`, planted, attr, expr)
			checkNoLeak(t, map[string]string{"m.dss.hcl": src})
			checkNoLeak(t, map[string]string{"m.dss.hcl": strings.Replace(src, "error_message", "error_msg", 1) + "\n\"broken"})
		}
	}
	for _, given := range []string{`s = ["` + planted + `"]`, `s = ` + planted, `o = { k = ["` + planted + `"] }`, `o = "` + planted + `"`, `pasword = "` + planted + `"`, `s = lower("` + planted + `")`, `s = "` + planted} {
		checkNoLeak(t, map[string]string{"m.dss.hcl": "variable \"s\" {\n type = string\n sensitive = true\n}\nvariable \"o\" {\n type = object({ k = string })\n sensitive = true\n default = null\n}\n", "a.auto.vars.hcl": given + "\n"})
	}
	const declared = "variable \"s\" {\n type = string\n sensitive = true\n}\nvariable \"p\" {\n type = string\n}\n"
	for name, given := range map[string]string{
		"no equals sign": `s "` + planted + `"`, "bare": planted, "bare in the middle": "p = \"x\"\n" + planted + "\n",
		"array": `["` + planted + `"]`, "block": "variable \"" + planted + "\" {}", "block with a value": "variable \"s\" {\n default = \"" + planted + "\"\n}",
		"not sensitive": `p = ["` + planted + `"]`, "no end": `p = "` + planted, "colon": `p: "` + planted + `"`,
	} {
		t.Log(name)
		checkNoLeak(t, map[string]string{"m.dss.hcl": declared, "a.auto.vars.hcl": given + "\n"})
	}
	for _, given := range []string{`["` + planted + `"]`, `"` + planted + `"`, planted, `{"s": ` + planted + `}`, `{"s": {"x": "` + planted + `"}}`} {
		checkNoLeak(t, map[string]string{"m.dss.hcl": declared, "a.auto.vars.hcl.json": given})
	}
	for _, src := range []string{
		`{"variable":{"s":{"sensitive":true,"default":"%s","defualt":1}},"instance":{"i":{"data_dir":"${parseint(var.s, 10)}","api_key":["%s"]}}}`,
		`{"instance":{"i":{"api_key":%s}}}`,
		`{"instance":{"i":{"api_kye":"%s"}}}`,
		`{"instance":{"i":{"api_key":"${parseint(\"%s\", 10)}"}}}`,
	} {
		checkNoLeak(t, map[string]string{"m.dss.hcl.json": strings.ReplaceAll(src, "%s", planted)})
	}
}

func checkNoLeak(t *testing.T, files map[string]string) {
	t.Helper()
	opts := LoadOptions{
		Vars: []string{`o={ k = "` + planted + `" }`}, Environ: []string{"DSSCTL_VAR_s=" + planted},
		Runner: &fakeRunner{code: 1},
	}
	if len(files) > 1 {
		opts.Vars, opts.Environ = nil, nil
	}
	e, diags := tryLoad(opts, files)
	if !diags.HasErrors() {
		t.Errorf("no error for %v", files)
	}
	for _, o := range []diagfmt.Options{{}, {Width: 60, Color: true}} {
		var b bytes.Buffer
		if err := diagfmt.Text(&b, diags, e.Sources, o); err != nil {
			t.Fatal(err)
		}
		leaks(t, b.String())
	}
	asJSON, err := diagfmt.JSON(diags, e.Sources)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, string(asJSON))
	leaks(t, diags.Error())
	vars, err := json.Marshal(e.Variables)
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, string(vars))
}

func leaks(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{planted, strings.ToUpper(planted), strings.ToLower(planted), planted[:8], base64.StdEncoding.EncodeToString([]byte(planted))} {
		if strings.Contains(text, form) {
			t.Errorf("the secret shows as %q in:\n%s", form, text)
			return
		}
	}
}

// A secret that is declared in clear is refused, and its line is not shown.
func TestSecretsInClear(t *testing.T) {
	with := InstanceSchema(schema.Fragment{Attributes: []schema.Attribute{
		{Name: "words", Type: cty.List(cty.String), Public: true},
		{Name: "url", Type: cty.String, Check: func(v cty.Value) error { return fmt.Errorf("must be short, not %s", v.AsString()) }},
		{Name: "map", Type: cty.Map(cty.String)},
		{Name: "any", Type: cty.DynamicPseudoType},
	}})
	for value, want := range map[string]string{
		`words = ["tool", "--token", "` + planted + `"]`:                                     "words[2] is or holds a secret",
		`words = ["tool", "--token=` + planted + `"]`:                                        "words[1] is or holds a secret",
		`url = "https://u:` + planted + `@h/"`:                                               "url must be short, not https://u:(secret)@h/",
		`map = { sslpassword = "` + planted + `" }`:                                          "map.sslpassword is or holds a secret",
		`any = { javaopts = { opts = "-Djavax.net.ssl.keyStorePassword=` + planted + `" } }`: "any.javaopts.opts is or holds a secret",
		`any = { ldap = { bindPassword = "` + planted + `" } }`:                              "any.ldap.bindPassword is or holds a secret",
		`any = { list = [{ token = "` + planted + `" }] }`:                                   "any.list[0].token is or holds a secret",
		`any = { odd = "e:AES:` + planted + `" }`:                                            "any.odd is or holds a secret",
		`any = [{ key = "mail.smtp.password", value = "` + planted + `" }]`:                  "any[0].value is or holds a secret",
		`any = { a = { name = "x", value = "` + planted + `", secret = true } }`:             "any.a.value is or holds a secret",
	} {
		e, diags := tryLoad(LoadOptions{Schema: with}, map[string]string{"m.dss.hcl": "instance \"i\" {\n  data_dir = \"/d\"\n  " + value + "\n}\n"})
		var b bytes.Buffer
		if err := diagfmt.Text(&b, diags, e.Sources, diagfmt.Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: want %q in\n%s", value, want, b.String())
		}
		leaks(t, b.String())
	}
	_, diags := tryLoad(LoadOptions{Schema: with}, map[string]string{"m.dss.hcl": `instance "i" {
  data_dir = "/d"
  any = { password = sensitive("` + planted + `"), passwordPolicy = "strict", key = "/etc/ssl/x.key", list = [{ key = "color", value = "red" }] }
}
`})
	if diags.HasErrors() {
		t.Errorf("what is sensitive or no secret is refused: %v", diags)
	}
}
