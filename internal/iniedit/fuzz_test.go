package iniedit

import (
	"slices"
	"testing"
)

var seeds = []string{
	"", install, "[a]\r\nx = 1\r\n\r\n[b]\r\n", "[a]\nx = 1", "# c", "\n\n[s]\n  k = v\n    more\n\n  l=\n [t]\n", "[DEFAULT]\nk: v\n[s] ; c\n",
	"[0]\n\x88=\u2008\x88", "[0]\n\x88=\xe2\u2008", "[s]\nk = ; c\n\n; d\n[t]\n",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		if string(file.Bytes()) != string(data) {
			t.Fatalf("%q came out as %q", data, file.Bytes())
		}
		for _, section := range file.Sections() {
			for _, key := range file.Keys(section) {
				value, ok := file.Get(section, key)
				if !ok {
					t.Fatalf("[%q] %q has no value", section, key)
				}
				if CheckSection(section) != nil || CheckKey(key) != nil || CheckValue(value) != nil {
					continue
				}
				file.Set(section, key, value)
				if string(file.Bytes()) != string(data) {
					t.Fatalf("[%q] %q set to what it is: %q became %q", section, key, data, file.Bytes())
				}
			}
		}
	})
}

// FuzzSet checks that what was set is read again, that nothing else is read
// differently, and that a new key set and deleted leaves no trace.
func FuzzSet(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "s", "k", "v")
		f.Add([]byte(s), "new", "port", "")
		f.Add([]byte(s), "a", "y", "-Dx=1 -Dy")
	}
	f.Fuzz(func(t *testing.T, data []byte, section, key, value string) {
		file, err := Parse(data)
		if err != nil || CheckSection(section) != nil || CheckKey(key) != nil || CheckValue(value) != nil {
			return
		}
		id := [2]string{section, lower(key)}
		before := all(file)
		_, was := before[id]
		file.Set(section, key, value)
		edited := file.Bytes()
		again, err := Parse(edited)
		if err != nil {
			t.Fatalf("%q became %q: %v", data, edited, err)
		}
		after := all(again)
		if got := after[id]; got != value {
			t.Fatalf("%q set to %q is read as %q in %q", id, value, got, edited)
		}
		if got, ok := file.Get(section, key); !ok || got != value {
			t.Fatalf("%q set to %q gives %q", id, value, got)
		}
		if same(after, id) != same(before, id) {
			t.Fatalf("other keys changed\n%q\n%q", data, edited)
		}
		file.Delete(section, key)
		gone := all(file)
		if _, ok := gone[id]; ok || same(gone, id) != same(before, id) {
			t.Fatalf("delete %q\n%q\n%q", id, edited, file.Bytes())
		}
		if !was && string(file.Bytes()) != string(data) {
			t.Fatalf("set and delete %q\n%q became\n%q by way of\n%q", id, data, file.Bytes(), edited)
		}
		if _, err := Parse(file.Bytes()); err != nil {
			t.Fatalf("delete %q: %q: %v", id, file.Bytes(), err)
		}
	})
}

// FuzzRestore checks that keys that were set or deleted, in a file that was
// written and read in between, all come back byte for byte.
func FuzzRestore(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "s", "k", "v", "new", "port", "1", false)
		f.Add([]byte(s), "a", "y", "2", "a", "x", "", true)
		f.Add([]byte(s+"k = 1\n; c\n"), "s", "k", "2", "s", "l", "", true)
	}
	f.Fuzz(func(t *testing.T, data []byte, s1, k1, v1, s2, k2, v2 string, deleting bool) {
		old, err := Parse(data)
		if err != nil {
			return
		}
		file, _ := Parse(data)
		for _, e := range [][3]string{{s1, k1, v1}, {s2, k2, v2}} {
			if CheckSection(e[0]) != nil || CheckKey(e[1]) != nil || CheckValue(e[2]) != nil {
				return
			}
			if deleting {
				if around(file, e[0], e[1]) {
					return
				}
				file.Delete(e[0], e[1])
			} else {
				file.Set(e[0], e[1], e[2])
			}
			if file, err = Parse(file.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		edited := file.Bytes()
		for _, e := range [][2]string{{s2, k2}, {s1, k1}} {
			file.Restore(e[0], e[1], old)
			if file, err = Parse(file.Bytes()); err != nil {
				t.Fatalf("%q by way of %q: %v", data, edited, err)
			}
		}
		if string(file.Bytes()) != string(data) {
			t.Fatalf("%q\nbecame\n%q\nby way of\n%q", data, file.Bytes(), edited)
		}
	})
}

// around reports whether a comment stands between the lines of a value.
func around(f *File, section, key string) bool {
	at := f.find(section, lower(key))
	return at >= 0 && slices.ContainsFunc(f.linesOf(at), func(l line) bool { return l.kind == other && !l.blank() })
}
