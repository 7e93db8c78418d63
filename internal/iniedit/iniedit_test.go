package iniedit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const install = `; made by the installer
[general]
nodetype = design        ; design | automation
installid = abcdefghijklmnopqrstuvwx

[server]
port=11200
ssl : false

# Memory
[javaopts]
backend.xmx = 4g
jek.additional.opts = -Dx=1
   -Dy=2  # second

   -Dz=3
# end
`

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Bytes()); got != text {
		t.Fatalf("%q came out as %q", text, got)
	}
	return f
}

func TestRead(t *testing.T) {
	f := parse(t, install)
	for _, tt := range []struct{ section, key, want string }{
		{"general", "nodetype", "design"},
		{"general", "NodeType", "design"},
		{"server", "port", "11200"},
		{"server", "ssl", "false"},
		{"javaopts", "backend.xmx", "4g"},
		{"javaopts", "jek.additional.opts", "-Dx=1\n-Dy=2\n\n-Dz=3"},
	} {
		if got, ok := f.Get(tt.section, tt.key); !ok || got != tt.want {
			t.Errorf("[%s] %s: found %q (%v), expected %q", tt.section, tt.key, got, ok, tt.want)
		}
	}
	if _, ok := f.Get("General", "nodetype"); ok {
		t.Error("the names of sections have a case")
	}
	if _, ok := f.Get("server", "backend.xmx"); ok {
		t.Error("a key was found in another section")
	}
	if diff := cmp.Diff([]string{"general", "server", "javaopts"}, f.Sections()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"backend.xmx", "jek.additional.opts"}, f.Keys("javaopts")); diff != "" {
		t.Error(diff)
	}
	if f.Has("git") || !f.Has("server") {
		t.Error("Has is wrong")
	}
}

func TestReadOdd(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty value", "[s]\nk =\n", ""},
		{"empty value and comment", "[s]\nk = ; c\n", ""},
		{"comment sign without space", "[s]\nk = a;b#c\n", "a;b#c"},
		{"comment sign at once", "[s]\nk =;b\n", ";b"},
		{"colon", "[s]\nk: a=b\n", "a=b"},
		{"equals in the value", "[s]\nk = a = b\n", "a = b"},
		{"no space", "[s]\nk=v", "v"},
		{"inside white space", "[s]\nk =  a  b \t \n", "a  b"},
		{"indented key", "[s]\n  k = v\n", "v"},
		{"from DEFAULT", "[DEFAULT]\nk = v\n[s]\n", "v"},
		{"DEFAULT is outvoted", "[DEFAULT]\nk = v\n[s]\nk = w\n", "w"},
		{"value on the next line", "[s]\nk =\n  v\n", "\nv"},
		{"comment between lines", "[s]\nk = a\n; no\n  b\n", "a\nb"},
		{"indented comment", "[s]\nk = a\n  # no\n  b\n", "a\nb"},
		{"heading with comment", "[s] ; [t]\nk = v\n", "v"},
		{"carriage returns", "[s]\r\nk = v\r\n", "v"},
		{"indented heading looks like a value", "[s]\nk = v\n  [t]\n", "v\n[t]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := parse(t, tt.text).Get("s", "k"); !ok || got != tt.want {
				t.Errorf("found %q (%v), expected %q", got, ok, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"section twice", "[a]\n[b]\n[a]\n", "line 3: the section [a] is there already, in line 1"},
		{"key twice", "[a]\nx = 1\nX = 2\n", "line 3: the key x is there already in [a], in line 2"},
		{"no section", "x = 1\n", "line 1: there is a key before the first [section]"},
		{"neither", "[a]\nnonsense\n", `line 2: expected a [section], "key = value", or a comment`},
		{"no key", "[a]\n= 1\n", "line 2: there is no key before the ="},
		{"open bracket", "[a\n", "line 1: expected a [section]"},
		{"empty bracket", "[]\n", "line 1: expected a [section]"},
		{"NUL", "[a]\n\nx = \x00\n", "line 3: it holds a NUL byte"},
		{"carriage return", "[a]\nx = 1\ry = 2\n", "line 2: it holds a carriage return"},
		{"carriage return at the end", "[a]\nx = 1\r", "line 2: it holds a carriage return"},
		{"byte order mark", "\xef\xbb\xbf[a]\n", "line 1: the file begins with a byte order mark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("found %v, expected … %s …", err, tt.want)
			}
		})
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, text, section, key, value, want string }{
		{"comment stays", install, "general", "nodetype", "api", strings.Replace(install, "design  ", "api  ", 1)},
		{"no space stays no space", install, "server", "PORT", "1", strings.Replace(install, "port=11200", "port=1", 1)},
		{
			"lines become one", install, "javaopts", "jek.additional.opts", "-Dx=2",
			strings.Replace(strings.Replace(strings.Replace(install, "-Dx=1", "-Dx=2", 1), "   -Dy=2  # second\n", "", 1), "   -Dz=3\n", "", 1),
		},
		{"new key before the next heading's comment", install, "server", "ipv6", "true", strings.Replace(install, "ssl : false\n", "ssl : false\nipv6 : true\n", 1)},
		{"new key before the blank line", install, "general", "nodeid", "n", strings.Replace(install, "uvwx\n", "uvwx\nnodeid = n\n", 1)},
		{"new key behind the last comment", install, "javaopts", "fek.xmx", "2g", install + "fek.xmx = 2g\n"},
		{"new section", install, "git", "mode", "project", install + "\n[git]\nmode = project\n"},
		{"new section, no blank lines", "[a]\nx=1\n[b]\ny=2\n", "c", "z", "3", "[a]\nx=1\n[b]\ny=2\n[c]\nz=3\n"},
		{"carriage returns", "[a]\r\nx = 1\r\n", "a", "y", "2", "[a]\r\nx = 1\r\ny = 2\r\n"},
		{"no line end at the end", "[a]\nx = 1", "a", "y", "2", "[a]\nx = 1\ny = 2"},
		{"no line end, new section", "[a]\nx = 1", "b", "y", "2", "[a]\nx = 1\n\n[b]\ny = 2"},
		{"empty file", "", "a", "x", "1", "[a]\nx = 1\n"},
		{"empty section", "[a]\n\n[b]\ny = 1\n", "a", "x", "1", "[a]\nx = 1\n\n[b]\ny = 1\n"},
		{"indented", "[a]\n  x = 1\n", "a", "y", "2", "[a]\n  x = 1\n  y = 2\n"},
		{"empty section before an indented heading", "[a]\n  [b]\n", "a", "y", "2", "[a]\n  y = 2\n  [b]\n"},
		{"to empty", "[a]\nx = 1 ; c\n", "a", "x", "", "[a]\nx =  ; c\n"},
		{"from empty", "[a]\nx = ; c\n", "a", "x", "1", "[a]\nx = 1 ; c\n"},
		{"from empty without space", "[a]\nx =\n", "a", "x", "1", "[a]\nx =1\n"},
		{"neighbor is empty", "[a]\nx =\n", "a", "y", "1", "[a]\nx =\ny = 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := parse(t, tt.text)
			f.Set(tt.section, tt.key, tt.value)
			if diff := cmp.Diff(tt.want, string(f.Bytes())); diff != "" {
				t.Error(diff)
			}
			if got, ok := parse(t, string(f.Bytes())).Get(tt.section, tt.key); !ok || got != tt.value {
				t.Errorf("read again: %q, expected %q", got, tt.value)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	for _, tt := range []struct{ name, text, section, key, want string }{
		{"line with its comment", install, "general", "nodetype", strings.Replace(install, "nodetype = design        ; design | automation\n", "", 1)},
		{
			"all lines of the value", install, "javaopts", "jek.additional.opts",
			strings.Replace(strings.Replace(install, "jek.additional.opts = -Dx=1\n   -Dy=2  # second\n", "", 1), "   -Dz=3\n", "", 1),
		},
		{"absent", install, "server", "nothing", install},
		{"absent section", install, "nothing", "port", install},
		{"last line without end", "[a]\nx = 1\ny = 2", "a", "y", "[a]\nx = 1"},
		{"the section stays", "[a]\nx = 1\n", "a", "x", "[a]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := parse(t, tt.text)
			f.Delete(tt.section, tt.key)
			if diff := cmp.Diff(tt.want, string(f.Bytes())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetPanicsUnchecked(t *testing.T) {
	for _, tt := range [][3]string{
		{"s", "k", "a\nb"},
		{"s", "k", " a"},
		{"s", "k", "a ;b"},
		{"s", "k", "#"},
		{"s", "k", "a\x00"},
		{"s", "", "v"},
		{"s", "a=b", "v"},
		{"s", "a:b", "v"},
		{"s", "#k", "v"},
		{"s", "[k", "v"},
		{"s", "k ", "v"},
		{"", "k", "v"},
		{"a]", "k", "v"},
		{"a\n", "k", "v"},
	} {
		f := parse(t, install)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was set", tt)
				}
			}()
			f.Set(tt[0], tt[1], tt[2])
		}()
		if string(f.Bytes()) != install {
			t.Errorf("%q changed the file", tt)
		}
	}
}
