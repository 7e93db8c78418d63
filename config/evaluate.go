package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// ConsoleFile is the name that stands in the ranges of what Evaluate was given.
const ConsoleFile = "<console>"

// Evaluate gives an expression its value, as it would have in an output. The
// estate must have loaded without errors. Sources are for rendering the
// diagnostics.
func (e *Estate) Evaluate(src string) (v cty.Value, sources map[string]*hcl.File, diags hcl.Diagnostics) {
	text := []byte(src)
	sources = map[string]*hcl.File{ConsoleFile: {Bytes: text}}
	if d := checkLimits(text, ConsoleFile, false); d != nil {
		return cty.DynamicVal, sources, hcl.Diagnostics{d}
	}
	expr, diags := hclsyntax.ParseExpression(text, ConsoleFile, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, sources, diags
	}
	l := e.loader
	l.diags = nil
	x := &expression{spec: anyAttribute, attr: &hcl.Attribute{Name: "value", Expr: expr, Range: expr.Range()}}
	l.resolve(x, surroundings{instances: true})
	v, ok := l.evaluate(x, l.scope(x))
	diags = tidy(l.diags)
	if ok && tooLarge(v) {
		diags = append(diags, errorAt(expr.Range().Ptr(), "Value too large", "The value holds more than %d values or %d bytes.", maxNodes, maxBytes))
	}
	return v, sources, diags
}

// Unfinished reports whether an expression goes on: a bracket or a heredoc is
// open at its end.
func Unfinished(src string) bool {
	tokens, _ := hclsyntax.LexExpression([]byte(src), ConsoleFile, hcl.InitialPos)
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCHeredoc:
			depth--
		}
	}
	return depth > 0
}
