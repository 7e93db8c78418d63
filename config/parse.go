package config

import (
	"bytes"
	"runtime"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// piece is a part of a file that ends between two blocks of the top level.
type piece struct {
	src   []byte
	start hcl.Pos
	// shallow: too few brackets and operators to exceed the limits, however
	// they are nested.
	shallow bool

	body *hclsyntax.Body
	bad  bool
}

// pieceSize is about how much is parsed at once: the parser's memory grows
// with the largest text it is given, and pieces can be parsed side by side.
const pieceSize = 4 << 10

// parseNative parses a file in native syntax. Where its pieces parse one by
// one, they are what the whole is: a piece that is valid by itself ends outside
// of every block, string and comment. Otherwise the whole is parsed, for the
// right messages.
func parseNative(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	pieces := split(src)
	if len(pieces) > 1 {
		if f := parsePieces(pieces, src, name); f != nil {
			return f, nil
		}
	}
	if len(pieces) > 1 || len(pieces) == 1 && !pieces[0].shallow {
		if d := checkLimits(src, name, false); d != nil {
			return nil, hcl.Diagnostics{d}
		}
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

func parsePieces(pieces []*piece, src []byte, name string) *hcl.File {
	var wg sync.WaitGroup
	next := make(chan *piece)
	for range min(runtime.GOMAXPROCS(0), len(pieces)) {
		wg.Go(func() {
			for p := range next {
				p.parse(name)
			}
		})
	}
	for _, p := range pieces {
		next <- p
	}
	close(next)
	wg.Wait()
	whole := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for _, p := range pieces {
		if p.bad {
			return nil
		}
		for n, a := range p.body.Attributes {
			if _, twice := whole.Attributes[n]; twice {
				return nil
			}
			whole.Attributes[n] = a
		}
		whole.Blocks = append(whole.Blocks, p.body.Blocks...)
	}
	whole.SrcRange = hcl.RangeBetween(pieces[0].body.SrcRange, pieces[len(pieces)-1].body.SrcRange)
	whole.EndRange = pieces[len(pieces)-1].body.EndRange
	return &hcl.File{Body: whole, Bytes: src, Nav: navigation{whole}}
}

func (p *piece) parse(name string) {
	if !p.shallow {
		tokens, _ := hclsyntax.LexConfig(p.src, name, p.start)
		if checkTokens(tokens) != nil {
			p.bad = true
			return
		}
	}
	f, diags := hclsyntax.ParseConfig(p.src, name, p.start)
	if diags.HasErrors() {
		p.bad = true
		return
	}
	p.body = f.Body.(*hclsyntax.Body)
}

// split cuts a source where a line follows that closes a block of the top
// level, so it seems: what is wrong about that shows when the pieces are
// parsed.
func split(src []byte) []*piece {
	var out []*piece
	var brackets, terms int
	begin := hcl.InitialPos
	line := 1
	cut := func(end int) {
		if end > begin.Byte {
			out = append(out, &piece{src: src[begin.Byte:end], start: begin, shallow: brackets < maxDepth-2 && terms < maxTerms})
		}
		begin = hcl.Pos{Line: line, Column: 1, Byte: end}
		brackets, terms = 0, 0
	}
	for i := 0; i < len(src); {
		end := bytes.IndexByte(src[i:], '\n')
		if end < 0 {
			end = len(src)
		} else {
			end += i + 1
		}
		for _, c := range src[i:end] {
			n := weights[c]
			brackets += int(n >> 4)
			terms += int(n & 1)
		}
		line++
		if src[i] == '}' && (end-begin.Byte >= pieceSize || brackets > maxDepth/2 || terms > maxTerms/2) {
			cut(end)
		}
		i = end
	}
	cut(len(src))
	return out
}

// weights say how much a byte may add to the depth (high half: a template in
// quotes opens twice) and whether it may be an operator or a step (low half).
var weights = func() (w [256]byte) {
	for _, c := range []byte("!-+*/%&|<>=?:.$\"~") {
		w[c] = 1
	}
	w['{'] = 2<<4 | 1
	w['['] = 1<<4 | 1
	w['('] = 1<<4 | 1
	return w
}()

// navigation tells in which block a place is, as hclsyntax does for what it
// parsed in one go.
type navigation struct{ body *hclsyntax.Body }

// ContextString returns the header of the block at the offset.
func (n navigation) ContextString(offset int) string {
	i, found := slices.BinarySearchFunc(n.body.Blocks, offset, func(b *hclsyntax.Block, offset int) int {
		r := b.Range()
		switch {
		case r.End.Byte <= offset:
			return -1
		case r.Start.Byte > offset:
			return 1
		}
		return 0
	})
	if !found {
		return ""
	}
	out := n.body.Blocks[i].Type
	for _, label := range n.body.Blocks[i].Labels {
		out += " " + quote(label)
	}
	return out
}
