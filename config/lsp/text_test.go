package lsp

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	src := "a𝒳b\r\né\rc\n"
	text := newText(src)
	for _, c := range []struct {
		line, utf16, utf8, offset int
	}{
		{0, 0, 0, 0},
		{0, 1, 1, 1},
		{0, 3, 5, 5},
		{0, 4, 6, 6},
		{1, 0, 0, 8},
		{1, 1, 2, 10},
		{2, 0, 0, 11},
		{2, 1, 1, 12},
		{3, 0, 0, 13},
	} {
		for e, n := range map[encoding]int{utf16Units: c.utf16, utf8Units: c.utf8} {
			if got := text.offset(position{c.line, n}, e); got != c.offset {
				t.Errorf("%s %d:%d is byte %d, want %d", e, c.line, n, got, c.offset)
			}
			if got := text.position(c.offset, e); got != (position{c.line, n}) {
				t.Errorf("byte %d is at %s %v, want %d:%d", c.offset, e, got, c.line, n)
			}
		}
	}
	for p, want := range map[position]int{
		{0, 2}:  1, // inside of a pair
		{0, 99}: 6, {1, 99}: 10, {9, 0}: len(src), {-1, 3}: 0, {0, -5}: 0, {3, 1}: len(src),
	} {
		if got := text.offset(p, utf16Units); got != want {
			t.Errorf("%v is byte %d, want %d", p, got, want)
		}
	}
	if got := text.position(999, utf16Units); got != (position{3, 0}) {
		t.Errorf("behind the end is %v", got)
	}
}

// FuzzText: a place becomes itself again, and an edit changes what it says.
func FuzzText(f *testing.F) {
	f.Add("a𝒳b\r\né\rc\n", 3, 5, "x")
	f.Add("\xff\n\r", 0, 99, "")
	f.Fuzz(func(t *testing.T, src string, from, to int, with string) {
		text := newText(src)
		for _, e := range []encoding{utf8Units, utf16Units} {
			for i := range src {
				if back := text.offset(text.position(i, e), e); back > i || i-back > 2 {
					t.Fatalf("byte %d becomes %d", i, back)
				}
			}
			a, b := text.position(from, e), text.position(to, e)
			got := text.apply([]change{{Range: &textRange{a, b}, Text: with}}, e)
			if !strings.Contains(got.src, with) || len(got.src) > len(src)+len(with) {
				t.Fatalf("the edit made %q of %q", got.src, src)
			}
			if fresh := newText(got.src); len(fresh.lines) != len(got.lines) {
				t.Fatal("lines are counted in another way")
			}
		}
	})
}
