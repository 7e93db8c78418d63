package exclude

import (
	"strings"
	"testing"
)

// FuzzGlob: whatever is accepted leaves out nothing that is protected, and the
// walk of Concrete goes to everything that it matches.
func FuzzGlob(f *testing.F) {
	for _, g := range []string{"managed_folders/*/big", "**/*.bak", "a/{b,c/d}/[x-z]/?", "a/**/b/**/c", `\{a/b`, "[^/]a/b", "{a,{b/c,d}}/e", "[{]/a", "{[/],a}/b"} {
		f.Add(g, "managed_folders/K/big")
		f.Add(g, "a/c/d/x/1")
		f.Add(g, "b/c/e")
	}
	f.Fuzz(func(t *testing.T, g, rel string) {
		m, err := Compile(Rules{Globs: []string{g}})
		if err != nil {
			return
		}
		for _, name := range append(Protected(), probes...) {
			if m.Verdict(name, true) != Keep || m.Verdict(name+"/"+rel, false) != Keep {
				t.Errorf("%q leaves out %s", g, name)
			}
		}
		names := strings.Split(rel, "/")
		if rel == "" || strings.HasPrefix(rel, "/") || strings.HasSuffix(rel, "/") || strings.Contains(rel, "//") || m.Verdict(rel, false) == Keep {
			return
		}
		for i := 1; i < len(names); i++ {
			if above := strings.Join(names[:i], "/"); m.Verdict(above, true) == Keep && !m.reaches(names[:i]) {
				t.Errorf("%q leaves out %q and the walk does not go to %q", g, rel, above)
			}
		}
	})
}
