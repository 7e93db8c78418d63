package lsp

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxBroken is how many strings without an end a piece may have before it is
// given up to look behind them.
const maxBroken = 16

// maxNesting is how deep blocks are looked into; more are not read anyway, and an
// answer that nests deeper is one that clients refuse.
const maxNesting = 200

// lex returns the tokens of a text, with places that count from base. A string
// without an end goes to the end of its line: there stands a
// TokenQuotedNewline.
func lex(src string, base int) hclsyntax.Tokens {
	var out hclsyntax.Tokens
	from := 0
	for range maxBroken {
		tokens, _ := hclsyntax.LexConfig([]byte(src[from:]), "", hcl.Pos{Byte: base + from, Line: 1, Column: 1})
		broken := -1
		for i, t := range tokens {
			if t.Type == hclsyntax.TokenQuotedNewline {
				broken = i
				break
			}
		}
		if broken < 0 {
			return append(out, tokens...)
		}
		out = append(out, tokens[:broken+1]...)
		from = tokens[broken].Range.End.Byte - base
	}
	return out
}

func spanOf(t hclsyntax.Token) span { return span{t.Range.Start.Byte, t.Range.End.Byte} }

func wordOf(t hclsyntax.Token) word { return word{string(t.Bytes), spanOf(t)} }

// scanner goes through the tokens of a piece once.
type scanner struct {
	tokens hclsyntax.Tokens
	i      int
	piece  *piece
	cur    *block
	depth  int // of cur
}

func scan(src string) *piece {
	top := &block{end: len(src)}
	s := &scanner{tokens: lex(src, 0), piece: &piece{text: src, body: top}, cur: top}
	for s.i < len(s.tokens) {
		switch t := s.tokens[s.i]; t.Type {
		case hclsyntax.TokenIdent:
			s.statement()
		case hclsyntax.TokenCBrace:
			if s.cur.parent != nil {
				s.cur.end, s.cur.closed = t.Range.End.Byte, true
				s.cur = s.cur.parent
				s.depth--
			}
			s.i++
		default:
			s.i++
		}
	}
	return s.piece
}

func (s *scanner) typ(ahead int) hclsyntax.TokenType {
	if s.i+ahead < len(s.tokens) {
		return s.tokens[s.i+ahead].Type
	}
	return hclsyntax.TokenEOF
}

// statement is an attribute, a block, or what may become one.
func (s *scanner) statement() {
	name := wordOf(s.tokens[s.i])
	if s.typ(1) == hclsyntax.TokenEqual {
		begin := s.tokens[s.i+1].Range.End.Byte
		s.i += 2
		s.cur.attrs = append(s.cur.attrs, attr{name, span{begin, s.value()}})
		return
	}
	b := &block{typ: name, open: -1, end: name.end, parent: s.cur}
	s.i++
	for {
		switch s.typ(0) {
		case hclsyntax.TokenIdent:
			b.labels = append(b.labels, wordOf(s.tokens[s.i]))
			b.end = s.tokens[s.i].Range.End.Byte
			s.i++
		case hclsyntax.TokenOQuote:
			l := word{span: span{s.tokens[s.i].Range.End.Byte, s.tokens[s.i].Range.End.Byte}}
			for s.i++; s.typ(0) == hclsyntax.TokenQuotedLit; s.i++ {
				l.text += string(s.tokens[s.i].Bytes)
				l.end = s.tokens[s.i].Range.End.Byte
			}
			b.labels = append(b.labels, l)
			b.end = l.end
			if s.typ(0) == hclsyntax.TokenCQuote {
				b.end = s.tokens[s.i].Range.End.Byte
				s.i++
			}
		case hclsyntax.TokenOBrace:
			s.cur.blocks = append(s.cur.blocks, b)
			s.i++
			if s.depth < maxNesting {
				b.open, b.end = s.tokens[s.i-1].Range.End.Byte, len(s.piece.text)
				s.cur = b
				s.depth++
			}
			return
		default:
			s.cur.blocks = append(s.cur.blocks, b)
			return
		}
	}
}

// value goes through an expression and returns where it ends.
func (s *scanner) value() int {
	for depth := 0; s.i < len(s.tokens); {
		t := s.tokens[s.i]
		switch {
		case t.Type == hclsyntax.TokenQuotedNewline, t.Type == hclsyntax.TokenEOF:
			return t.Range.Start.Byte
		case depth == 0 && (t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenCBrace || lineComment(t)):
			return t.Range.Start.Byte
		case opening(t.Type):
			depth++
		case closing(t.Type):
			depth--
		case t.Type == hclsyntax.TokenIdent:
			s.reference()
			continue
		}
		s.i++
	}
	return len(s.piece.text)
}

// lineComment is a comment that ends its line.
func lineComment(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenComment && t.Bytes[len(t.Bytes)-1] == '\n'
}

func opening(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
		hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return true
	}
	return false
}

func closing(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		return true
	}
	return false
}

// reference takes a name and the steps behind it; keys in quotes count.
func (s *scanner) reference() {
	r := ref{in: s.cur, steps: []word{wordOf(s.tokens[s.i])}}
	for s.i++; ; {
		switch {
		case s.typ(0) == hclsyntax.TokenDot && (s.typ(1) == hclsyntax.TokenIdent || s.typ(1) == hclsyntax.TokenStar):
			r.steps = append(r.steps, wordOf(s.tokens[s.i+1]))
			s.i += 2
		case s.typ(0) == hclsyntax.TokenOBrack && s.typ(1) == hclsyntax.TokenOQuote && s.typ(2) == hclsyntax.TokenQuotedLit &&
			s.typ(3) == hclsyntax.TokenCQuote && s.typ(4) == hclsyntax.TokenCBrack:
			r.steps = append(r.steps, word{indexStep, spanOf(s.tokens[s.i+2])})
			s.i += 5
		default:
			r.call = s.typ(0) == hclsyntax.TokenOParen
			s.piece.refs = append(s.piece.refs, r)
			return
		}
	}
}

// indexStep stands for a step in brackets.
const indexStep = "[]"
