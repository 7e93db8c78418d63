package config

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dssctl/dssctl/internal/diagfmt"
)

// FuzzLoad reads any file as an estate: it must end in time, without a panic,
// and what it says must be renderable.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/diagnostics/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(src).Files {
			if IsConfigFile(file.Name) {
				f.Add(file.Data, strings.HasSuffix(file.Name, ".json"))
			}
		}
	}
	f.Add([]byte(wholeEstate), false)
	f.Add([]byte(ruled), false)
	f.Add([]byte("module \"m\" {\n  source   = \"./m\"\n  for_each = { a = 21300, b = \"x\" }\n  port     = each.value\n  password = \"pw\"\n}\noutput \"o\" {\n  value = module.m[\"a\"].port\n}\nmoved {\n  from = instance.nodes\n  to   = module.m.instance.node\n}\n"), false)
	spec := testSchema()
	f.Fuzz(func(t *testing.T, src []byte, asJSON bool) {
		name := "m.dss.hcl"
		if asJSON {
			name += ".json"
		}
		e, diags := Load(LoadOptions{
			FS: fstest.MapFS{name: {Data: src, Mode: 0o600}, "m/m.dss.hcl": {Data: []byte(nodeModule)}, "m/prefix.txt": {}}, Schema: spec, Environ: []string{"HOME=/home/x"},
		})
		diags = append(diags, e.Findings()...)
		for _, o := range e.Outputs {
			if text := FormatValue(o.Value); o.Sensitive && text != "(sensitive)" {
				t.Errorf("a sensitive output is shown: %s", text)
			}
		}
		if err := diagfmt.Text(io.Discard, diags, e.Sources, diagfmt.Options{Width: 80}); err != nil {
			t.Error(err)
		}
		if _, err := diagfmt.JSON(diags, e.Sources); err != nil {
			t.Error(err)
		}
		for n, file := range e.Sources {
			if want := map[bool]int{true: len(src), false: len(nodeModule)}[n == name]; len(file.Bytes) != want {
				t.Errorf("the masked copy of %s has another length", n)
			}
		}
		if out, diags := Format(src, name); !diags.HasErrors() && !asJSON {
			if again, diags := Format(out, name); diags.HasErrors() || !bytes.Equal(out, again) {
				t.Errorf("formatting is not stable: %q, then %q", out, again)
			}
		}
	})
}

func TestHostile(t *testing.T) {
	const n = 20000
	for name, src := range map[string]string{
		"brackets":         "a = " + strings.Repeat("[", n),
		"open blocks":      strings.Repeat("a {\n", n),
		"unary":            "locals {\na = " + strings.Repeat("!", n) + "true\n}",
		"minus":            "locals {\na = " + strings.Repeat("-", n) + "1\n}",
		"binary":           "locals {\na = 1" + strings.Repeat("+1", n) + "\n}",
		"ternary":          "locals {\na = " + strings.Repeat("true ? 1 : ", n) + "2\n}",
		"templates":        "locals {\na = " + strings.Repeat(`"${`, n) + "1" + strings.Repeat(`}"`, n) + "\n}",
		"directives":       "locals {\na = \"" + strings.Repeat("%{ if true }", n) + "\"\n}",
		"steps":            "locals {\na = a" + strings.Repeat("[a]", n) + "\n}",
		"attributes":       "locals {\na = a" + strings.Repeat(".a", n) + "\n}",
		"splats":           "locals {\na = a" + strings.Repeat("[*]", n) + "\n}",
		"for":              "locals {\na = " + strings.Repeat("[for x in [1] : ", n) + "1" + strings.Repeat("]", n) + "\n}",
		"calls":            "locals {\na = " + strings.Repeat("upper(", n) + `"x"` + strings.Repeat(")", n) + "\n}",
		"heredocs":         "locals {\na = " + strings.Repeat("<<E\n${", n),
		"json arrays":      `{"locals": {"a": ` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}`,
		"json templates":   `{"locals": {"a": "` + strings.Repeat("${[", n) + strings.Repeat("]}", n) + `"}}`,
		"json type":        `{"variable": {"a": {"type": "` + strings.Repeat("list(", n) + "string" + strings.Repeat(")", n) + `"}}}`,
		"json strings":     `{"a":"` + strings.Repeat(`\`, n) + `"`,
		"doubling":         doubling(60),
		"instance names":   strings.Repeat("instance \"a\" {\n data_dir = \"/a\"\n}\n", 2000),
		"unknown names":    strings.Repeat("instance \"a\" {\n data_dri = \"/a\"\n}\n", 2000),
		"invalid UTF-8":    "locals {\n a = \"\xff\xfe\"\n}",
		"control":          "locals {\n a = \"\x1b[31m\x07\"\n b = \x1b\n}",
		"bom":              "\ufefflocals {}\n",
		"carriage returns": "locals {\r\n a = 1\r\n}\r\n\r}",
	} {
		t.Run(name, func(t *testing.T) {
			file := "m.dss.hcl"
			if strings.HasPrefix(name, "json") {
				file += ".json"
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				e, diags := tryLoad(LoadOptions{}, map[string]string{file: src})
				var b bytes.Buffer
				if err := diagfmt.Text(&b, diags, e.Sources, diagfmt.Options{Width: 80}); err != nil {
					t.Error(err)
				}
				if strings.ContainsAny(b.String(), "\x1b\x07") {
					t.Error("control characters of a file reach the terminal")
				}
			}()
			select {
			case <-done:
			case <-time.After(2 * time.Minute):
				t.Fatal("it takes too long")
			}
		})
	}
}

// doubling makes each local twice the one before.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("locals {\n a0 = [1]\n")
	for i := 1; i < n; i++ {
		b.WriteString(" a" + itoa(i) + " = [local.a" + itoa(i-1) + ", local.a" + itoa(i-1) + "]\n")
	}
	b.WriteString("}\n")
	return b.String()
}
