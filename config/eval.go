package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

type mark string

// sensitive marks values that must not be shown.
const sensitive = mark("sensitive")

// marked is as ContainsMarked, which costs more: it keeps the path to each part.
func marked(v cty.Value) bool {
	if v.IsMarked() {
		return true
	}
	if !v.IsNull() && v.IsKnown() && v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			if _, inner := it.Element(); marked(inner) {
				return true
			}
		}
	}
	return false
}

// maxNodes and maxBytes bound a local value: a few lines can double a value
// again and again.
const (
	maxNodes = 1 << 20
	maxBytes = 4 << 20
)

// evaluate returns the expression's value; false when there is none, which is
// then reported, or follows from something that was reported before: such a
// value is unknown. Unknown values have no other origin.
func (l *loader) evaluate(e *expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	if e.broken {
		return cty.DynamicVal, false
	}
	v, diags := safeValue(e.attr.Expr, ctx)
	l.report(discreet(diags, e, ctx)...)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		return cty.DynamicVal, false
	}
	return v, true
}

// safeValue evaluates. A function of a library that panics on an odd argument
// becomes an error; what it says may hold values and is not shown.
func safeValue(expr hcl.Expression, ctx *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics) {
	defer func() {
		if recover() != nil {
			v = cty.DynamicVal
			diags = hcl.Diagnostics{errorAt(expr.Range().Ptr(), "Expression broke off", "Evaluating this expression failed inside dssctl. Please report it with the expression; writing it in another way may help.")}
		}
	}()
	return expr.Value(ctx)
}

// telling are the summaries of hcl's diagnostics whose details may quote
// values.
var telling = []string{"Error in function call", "Invalid function argument", "Duplicate object key", "Invalid index", "Operation failed", "Ambiguous attribute key"}

// discreet takes what is sensitive out of diagnostics of an expression.
func discreet(diags hcl.Diagnostics, e *expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	if len(diags) == 0 {
		return nil
	}
	hidden := e.spec.Secret || involvesSensitive(e.attr.Expr, ctx)
	for _, d := range diags {
		if e.spec.Secret {
			d.Expression, d.EvalContext = nil, nil
		}
		if !hidden || !slices.Contains(telling, d.Summary) {
			continue
		}
		d.Detail = "The reason may tell something of a sensitive value, so it is not shown."
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			d.Detail = fmt.Sprintf("Call to function %q failed. The reason may tell something of a sensitive value, so it is not shown.", call.CalledFunctionName())
			if said := publicError(""); errors.As(call.FunctionCallError(), &said) {
				d.Detail = fmt.Sprintf("Call to function %q failed: %s.", call.CalledFunctionName(), said.Error())
			}
		}
	}
	return diags
}

// involvesSensitive reports whether something sensitive goes into the
// expression. Expressions in JSON cannot be looked into: they may.
func involvesSensitive(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	native, ok := expr.(hclsyntax.Expression)
	if !ok {
		return true
	}
	for _, t := range expr.Variables() {
		if v, _ := t.TraverseAbs(ctx); v.ContainsMarked() {
			return true
		}
	}
	found := false
	_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			switch call.Name {
			case "sensitive", "secret_file", "secret_command", "env":
				found = true
			}
		}
		return nil
	})
	return found
}

// tooLarge reports whether a value is beyond all use. It looks at no more than
// the bound.
func tooLarge(v cty.Value) bool {
	nodes, bytes := 0, 0
	var walk func(cty.Value) bool
	walk = func(v cty.Value) bool {
		v, _ = v.Unmark()
		if nodes++; nodes > maxNodes {
			return true
		}
		if v.IsNull() || !v.IsKnown() {
			return false
		}
		if v.Type() == cty.String {
			bytes += len(v.AsString())
			return bytes > maxBytes
		}
		if v.CanIterateElements() {
			for it := v.ElementIterator(); it.Next(); {
				if _, inner := it.Element(); walk(inner) {
					return true
				}
			}
		}
		return false
	}
	return walk(v)
}
