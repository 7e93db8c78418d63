package config

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parsers recurse, and a Go program cannot survive an exhausted stack: so
// how deep a file nests is looked at before it is parsed. A path through the
// tree is at most maxDepth × maxTerms long.
const (
	maxDepth = 200  // brackets within brackets
	maxTerms = 2000 // operators, steps and templates in one expression
)

// checkLimits returns an error for a source that nests too deep.
func checkLimits(src []byte, name string, isJSON bool) *hcl.Diagnostic {
	if isJSON {
		return checkJSONLimits(src, name)
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return checkTokens(tokens)
}

func checkTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	type level struct {
		lines bool // a newline ends an expression
		terms int
	}
	levels := make([]level, 1, 32)
	levels[0].lines = true
	for i := range tokens {
		t := &tokens[i]
		top := &levels[len(levels)-1]
		switch t.Type {
		case hclsyntax.TokenIdent, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenEqual, hclsyntax.TokenComment, hclsyntax.TokenNumberLit:
			continue
		case hclsyntax.TokenNewline:
			if top.lines {
				top.terms = 0
			}
			continue
		case hclsyntax.TokenComma:
			top.terms = 0
			continue
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			top.terms++
			levels = append(levels, level{lines: t.Type == hclsyntax.TokenOBrace})
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
			}
			continue
		default:
			top.terms++
		}
		if len(levels) > maxDepth {
			return errorAt(t.Range.Ptr(), "Nested too deep", "Here %d brackets, quotes or templates are open within each other; more are not read.", maxDepth)
		}
		if levels[len(levels)-1].terms > maxTerms || len(levels) > 1 && levels[len(levels)-2].terms > maxTerms {
			return errorAt(t.Range.Ptr(), "Expression too long", "This expression has more than %d parts. Split it up into several locals.", maxTerms)
		}
	}
	return nil
}

func checkJSONLimits(src []byte, name string) *hcl.Diagnostic {
	depth, line, lineStart := 0, 1, 0
	at := func(i int) *hcl.Range {
		pos := hcl.Pos{Line: line, Column: i - lineStart + 1, Byte: i}
		return &hcl.Range{Filename: name, Start: pos, End: hcl.Pos{Line: line, Column: pos.Column + 1, Byte: i + 1}}
	}
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '\n':
			line, lineStart = line+1, i+1
		case '{', '[':
			if depth++; depth > maxDepth {
				return errorAt(at(i), "Nested too deep", "Here %d objects or arrays are open within each other; more are not read.", maxDepth)
			}
		case '}', ']':
			depth--
		case '"':
			end := i + 1
			for end < len(src) && src[end] != '"' && src[end] != '\n' {
				if src[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(src)-1)
			if d := checkJSONString(src[i : end+1]); d != "" {
				return errorAt(at(i), "Expression too long", "%s", d)
			}
			i = end
			if src[end] == '\n' {
				line, lineStart = line+1, end+1
			}
		}
	}
	return nil
}

// checkJSONString looks at the template in a string, which is parsed late.
func checkJSONString(quoted []byte) string {
	if !bytes.Contains(quoted, []byte("{")) {
		// A string may also be read as an expression, where a type or a
		// reference is expected.
		if len(quoted) <= maxTerms {
			return ""
		}
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return ""
	}
	for _, lex := range []func([]byte, string, hcl.Pos) (hclsyntax.Tokens, hcl.Diagnostics){hclsyntax.LexTemplate, hclsyntax.LexExpression} {
		tokens, _ := lex([]byte(s), "", hcl.InitialPos)
		if d := checkTokens(tokens); d != nil {
			return fmt.Sprintf("In the template of this string: %s", d.Detail)
		}
	}
	return ""
}
