package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/dssctl/dssctl/config/schema"
)

// ruleAttributes are what a rule consists of, whatever it is about.
func ruleAttributes(condition, example string) []schema.Attribute {
	return []schema.Attribute{
		{Name: "condition", Type: cty.DynamicPseudoType, Required: true, Doc: condition, Example: example},
		{Name: "error_message", Type: cty.DynamicPseudoType, Required: true, Doc: "What is said otherwise: a whole sentence."},
	}
}

var checkSchema = schema.Block{
	Type:     "check",
	Labels:   []schema.Label{{Name: "name", Doc: "An identifier, for messages."}},
	Multiple: true,
	Doc:      "Rules about the estate as a whole, of the values that are declared. One that does not hold is a warning of `validate`, `plan` and `apply`; nothing is refused.",
	Example: `check "same_version" {
  assert {
    condition     = length(distinct([for i in instance : i.node_type])) == 1
    error_message = "All nodes are of the same type."
  }
}`,
	Blocks: []schema.Block{{
		Type: "assert", Multiple: true, Required: true,
		Doc:        "A rule of the check; all are looked at.",
		Attributes: ruleAttributes("True where all is well. It may use `var`, `local`, `instance` and functions.", "instance.design.port != instance.auto.port"),
	}},
}

var preconditionSchema = schema.Block{
	Type: "precondition", Multiple: true, Meta: true,
	Doc: "A rule that the declared values of the instance must meet: while it does not hold, the instance is not planned. `self` is the instance as it is declared.",
	Example: `precondition {
  condition     = self.port % 100 == 0
  error_message = "Base ports are multiples of 100 here."
}`,
	Attributes: ruleAttributes("True where the instance may be planned. It may use `self`, `each`, `var`, `local`, other instances and functions.", "self.port >= 11000"),
}

// holds evaluates a condition. It returns false, false when it has no value,
// which is reported under the summary, or follows from what was reported.
func (l *loader) holds(condition *expression, ctx *hcl.EvalContext, summary string) (truth, ok bool) {
	result, ok := l.evaluate(condition, ctx)
	if !ok {
		return false, false
	}
	bare, _ := result.Unmark()
	is, err := convert.Convert(bare, cty.Bool)
	if err != nil || is.IsNull() {
		l.report(errorAt(condition.attr.Expr.Range().Ptr(), summary, "The condition must be true or false, and this is %s.", article(bare.Type().FriendlyName())))
		return false, false
	}
	return is.True(), true
}

// ruleMessage is what the rule says; where that is sensitive, instead says
// which rule it is.
func (l *loader) ruleMessage(message *expression, ctx *hcl.EvalContext, summary, instead string) (string, bool) {
	said, ok := l.evaluate(message, ctx)
	if !ok {
		return "", false
	}
	if said.ContainsMarked() {
		return instead + " What the rule says about it is made of a sensitive value, so it is not shown.", true
	}
	text, err := convert.Convert(said, cty.String)
	if err != nil || text.IsNull() || strings.TrimSpace(text.AsString()) == "" {
		l.report(errorAt(message.attr.Expr.Range().Ptr(), summary, "error_message must be a sentence."))
		return "", false
	}
	return strings.TrimSpace(text.AsString()), true
}

// broken makes the finding of a rule that does not hold; nil for one that does,
// or that has no answer.
func (l *loader) brokenRule(rule *compiled, ctx *hcl.EvalContext, severity hcl.DiagnosticSeverity, summary, instead string) *hcl.Diagnostic {
	condition, message := rule.attr("condition"), rule.attr("error_message")
	if condition == nil || message == nil || condition.broken || message.broken {
		return nil // reported
	}
	truth, ok := l.holds(condition, ctx, "Invalid "+rule.spec.Type)
	if !ok || truth {
		return nil
	}
	text, ok := l.ruleMessage(message, ctx, "Invalid "+rule.spec.Type, instead)
	if !ok {
		return nil
	}
	return &hcl.Diagnostic{
		Severity: severity, Summary: summary, Detail: text,
		Subject: condition.attr.Expr.Range().Ptr(), Expression: condition.attr.Expr, EvalContext: ctx,
	}
}

// evaluateChecks returns the warnings of the checks.
func (l *loader) evaluateChecks() hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(l.checks)) {
		for _, rule := range l.checks[name].blocks {
			for _, e := range rule.attrs {
				l.resolve(e, surroundings{instances: true})
			}
			ctx := l.scope(rule.attrs...)
			if d := l.brokenRule(rule, ctx, hcl.DiagWarning, fmt.Sprintf("Check %q does not hold", name), fmt.Sprintf("The check %q does not hold.", name)); d != nil {
				out = append(out, d)
			}
		}
	}
	return out
}

// checkPreconditions asks an instance's rules.
func (l *loader) checkPreconditions(d *declaration, in *Instance, ctx *hcl.EvalContext) {
	if len(d.rules) == 0 || in.isBroken() {
		return
	}
	ctx = within(ctx, "self", in.value(d.spec, everyPart))
	for _, rule := range d.rules {
		if found := l.brokenRule(rule, ctx, hcl.DiagError, "Precondition not met", fmt.Sprintf("A precondition of %s is not met.", in.Address)); found != nil {
			found.Detail += fmt.Sprintf("\n\nThis is asked of %s, which is not planned before it holds.", in.Address)
			in.Refused = append(in.Refused, found)
		}
	}
}

// Findings are the warnings of the checks and what the preconditions refuse,
// in the order of their places.
func (e *Estate) Findings() hcl.Diagnostics {
	out := slices.Clone(e.Checks)
	for _, in := range e.Instances {
		out = append(out, in.Refused...)
	}
	return tidy(out)
}
