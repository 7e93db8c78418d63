package lsp

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// span is a part of a text, in bytes.
type span struct{ start, end int }

func (s span) has(offset int) bool { return s.start <= offset && offset <= s.end }

func (s span) plus(n int) span { return span{s.start + n, s.end + n} }

// outline is what a file declares and refers to, as far as it can be told: made
// of tokens, it does not mind what is half written.
type outline struct {
	parts []part
}

// part is a piece of a file from one block of the top level to the next, so
// that a mistake in one does not reach the others, and those that did not change
// are not looked at again. Places in a piece count from its beginning.
type part struct {
	base int
	*piece
}

type piece struct {
	text string
	body *block // what stands on the top level
	refs []ref
}

// block is a block, or only its header where that is all there is yet.
type block struct {
	typ    word
	labels []word // without the quotes
	open   int    // behind the brace; -1 without
	end    int
	closed bool
	attrs  []attr
	blocks []*block
	parent *block
}

type word struct {
	text string
	span
}

type attr struct {
	name  word
	value span // from behind the equals sign to the end of the line
}

// ref is a reference, such as instance.design.port.
type ref struct {
	steps []word
	in    *block
	call  bool // it is the name of a function
}

// path are the blocks around and with this one, without the top.
func (b *block) path() []*block {
	var out []*block
	for ; b != nil && b.parent != nil; b = b.parent {
		out = append(out, b)
	}
	slices.Reverse(out)
	return out
}

// whole covers a block from its type to its brace.
func (b *block) whole() span { return span{b.typ.start, b.end} }

func (b *block) attr(name string) (attr, bool) {
	for _, a := range b.attrs {
		if a.name.text == name {
			return a, true
		}
	}
	return attr{}, false
}

func (b *block) label(i int) string {
	if i < len(b.labels) {
		return b.labels[i].text
	}
	return ""
}

func (b *block) labelTexts() []string {
	out := make([]string, len(b.labels))
	for i, l := range b.labels {
		out[i] = l.text
	}
	return out
}

// at returns the part in which a byte of the file is, and where in that.
func (o *outline) at(offset int) (part, int) {
	i := sort.Search(len(o.parts), func(i int) bool { return o.parts[i].base > offset }) - 1
	return o.parts[max(i, 0)], offset - o.parts[max(i, 0)].base
}

// outlines makes the outlines of one file, one version after the other.
type outlines struct {
	types []string // of blocks on the top level

	mu    sync.Mutex
	known map[string]*piece
}

func (o *outlines) of(src string) *outline {
	o.mu.Lock()
	defer o.mu.Unlock()
	out, next := &outline{}, map[string]*piece{}
	base := 0
	for _, text := range cut(src, o.types) {
		p := next[text]
		if p == nil {
			p = o.known[text]
		}
		if p == nil {
			p = scan(strings.Clone(text)) // not to hold on to the whole source
		}
		next[p.text] = p
		out.parts = append(out.parts, part{base, p})
		base += len(text)
	}
	o.known = next
	return out
}

// cut cuts a source before each line that looks as if a block of the top level
// began there. There is at least one piece.
func cut(src string, types []string) []string {
	var out []string
	begin := 0
	for at := 0; at < len(src); {
		end := len(src)
		if n := strings.IndexByte(src[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if at > begin && opens(src[at:end], types) {
			out = append(out, src[begin:at])
			begin = at
		}
		at = end
	}
	return append(out, src[begin:])
}

func opens(line string, types []string) bool {
	if line[0] < 'a' || line[0] > 'z' {
		return false
	}
	for _, t := range types {
		if rest, ok := strings.CutPrefix(line, t); ok && rest != "" && (rest[0] == ' ' || rest[0] == '{' || rest[0] == '"' || rest[0] == '\t') {
			return !strings.HasPrefix(strings.TrimLeft(rest, " \t"), "=")
		}
	}
	return false
}
