package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// A secret may be written into a file as it is. Diagnostics show source lines,
// so the copy of the source that they read is masked at such places, byte for
// byte, and every place keeps its position.

// maskExpr masks the literals of an expression.
func (l *loader) maskExpr(expr hcl.Expression) {
	r := expr.Range()
	f := l.sources[r.Filename]
	if f == nil || r.Start.Byte < 0 || r.End.Byte > len(f.Bytes) || r.Start.Byte >= r.End.Byte {
		return
	}
	orig := f.Bytes[r.Start.Byte:r.End.Byte]
	masked := bytes.Clone(orig)
	if _, native := expr.(hclsyntax.Expression); !native {
		star(masked)
	} else {
		tokens, _ := hclsyntax.LexExpression(orig, "", hcl.Pos{})
		for _, t := range tokens {
			switch t.Type {
			case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit:
				star(masked[t.Range.Start.Byte:t.Range.End.Byte])
			}
		}
	}
	if !bytes.Equal(orig, masked) {
		copy(l.maskable(r.Filename)[r.Start.Byte:], masked)
	}
}

// maskAll masks an expression as a whole, such as a word that should have been
// in quotes.
func (l *loader) maskAll(r hcl.Range) {
	f := l.sources[r.Filename]
	if f == nil || r.End.Byte > len(f.Bytes) || r.Start.Byte >= r.End.Byte {
		return
	}
	star(l.maskable(r.Filename)[r.Start.Byte:r.End.Byte])
}

// maskable returns the copy of a source that may be written to, made at the
// first need.
func (l *loader) maskable(filename string) []byte {
	f := l.sources[filename]
	if !l.copied[filename] {
		f.Bytes = bytes.Clone(f.Bytes)
		l.copied[filename] = true
	}
	return f.Bytes
}

// maskNamed masks what stands under a key that sounds secret in a map.
func (l *loader) maskNamed(expr hcl.Expression) {
	native, ok := expr.(hclsyntax.Expression)
	if !ok {
		return
	}
	switch e := native.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			if l.soundsSecret(hcl.ExprAsKeyword(item.KeyExpr)) || l.soundsSecret(literal(item.KeyExpr)) {
				l.maskExpr(item.ValueExpr)
				continue
			}
			l.maskNamed(item.ValueExpr)
		}
	case *hclsyntax.TupleConsExpr:
		for _, item := range e.Exprs {
			l.maskNamed(item)
		}
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			l.maskNamed(arg)
		}
	}
}

// soundsSecret asks looksSecret once for each name: in a large estate the same
// ones return.
func (l *loader) soundsSecret(name string) bool {
	secret, known := l.sounds[name]
	if !known {
		secret = looksSecret.MatchString(name)
		l.sounds[name] = secret
	}
	return secret
}

// literal returns the text of a plain string in quotes, "" for anything else.
func literal(expr hcl.Expression) string {
	if k, ok := expr.(*hclsyntax.ObjectConsKeyExpr); ok {
		expr = k.Wrapped
	}
	t, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return ""
	}
	v, _ := t.Value(nil)
	return v.AsString()
}

// star overwrites all but spaces, quotes and brackets, which show the shape.
func star(b []byte) {
	for i, c := range b {
		switch c {
		case ' ', '\t', '\n', '\r', '"', '{', '}', '[', ']', ',':
		default:
			b[i] = '*'
		}
	}
}

// looksSecret is for names that no schema knows.
var looksSecret = lazyregexp.New(`(?i)pass|secret|token|api_?key|credential|private|\bpw\b|_key\b`)

var secretLine = lazyregexp.New(`(?im)^[^\n]*(?:pass|secret|token|api_?key|credential|private_?key|\bpw\b)[^\n=:]*[=:]([^\n]*)`)

// maskLines masks a source that could not be parsed: whatever follows a name
// that sounds secret on its line, and everything after it where a heredoc
// begins.
func maskLines(src []byte) []byte {
	out := bytes.Clone(src)
	for _, m := range secretLine.FindAllSubmatchIndex(src, -1) {
		if bytes.Contains(src[m[2]:m[3]], []byte("<<")) {
			star(out[m[2]:])
			break
		}
		star(out[m[2]:m[3]])
	}
	return out
}

// starred masks a variable file: each line of it may hold a secret.
func starred(src []byte) []byte {
	out := bytes.Clone(src)
	star(out)
	return out
}

var quoted = lazyregexp.New(`"[^"]*"`)

// unquote takes what a parser quotes of a variable file out of its words.
func unquote(diags hcl.Diagnostics) {
	for _, d := range diags {
		d.Summary, d.Detail = quoted.ReplaceAllString(d.Summary, `"…"`), quoted.ReplaceAllString(d.Detail, `"…"`)
	}
}
