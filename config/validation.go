package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// validate checks the rules of a variable, all of them.
func (l *loader) validate(v *variable, val cty.Value) {
	for _, rule := range v.blocks {
		condition, message := rule.attr("condition"), rule.attr("error_message")
		if condition == nil || message == nil {
			continue // reported
		}
		l.resolveRule(v, condition, true)
		l.resolveRule(v, message, false)
		if v.broken || condition.broken || message.broken || !val.IsWhollyKnown() {
			continue
		}
		l.validateRule(v, val, condition, message)
	}
}

func (l *loader) resolveRule(v *variable, e *expression, own bool) {
	before := len(l.diags)
	l.checkCalls(e)
	self := false
	for _, t := range e.attr.Expr.Variables() {
		if t.RootName() != "var" {
			l.report(errorAt(t.SourceRange().Ptr(), "Invalid reference", "A validation rule may refer to variables only: var.%s and others.", v.name))
			continue
		}
		l.checkReference(e, t, surroundings{})
		if a, ok := at(t, 1).(hcl.TraverseAttr); ok && a.Name == v.name {
			self = true
		}
	}
	if own && !self && len(l.diags) == before {
		l.report(errorAt(e.attr.Expr.Range().Ptr(), "Invalid validation rule", "The condition must use the variable that it checks: var.%s.", v.name))
	}
	e.broken = e.broken || len(l.diags) > before
}

func at(t hcl.Traversal, i int) hcl.Traverser {
	if i < len(t) {
		return t[i]
	}
	return nil
}

func (l *loader) validateRule(v *variable, val cty.Value, condition, message *expression) {
	truth, ok := l.holds(condition, l.root, "Invalid validation rule")
	if !ok || truth {
		return
	}
	text, ok := l.ruleMessage(message, l.root, "Invalid validation rule", fmt.Sprintf("The value of var.%s does not meet the rule.", v.name))
	if !ok {
		return
	}
	where := condition.attr.Expr.Range()
	subject := &v.at
	if v.given != nil && v.given.at != nil {
		subject = v.given.at
	}
	d := errorAt(subject, "Invalid value for variable", "%s\n\nThis was checked by the validation rule at %s.", text, place(where))
	d.Expression, d.EvalContext = condition.attr.Expr, l.root
	l.report(d)
}

// ask asks for a variable that nobody gave. It reports where that fails.
func (l *loader) ask(v *variable) bool {
	if l.unread || l.opts.Editing || l.above != nil {
		return false // it may be in the file that was reported, or is given later; of a module, its call was told
	}
	missing := fmt.Sprintf("var.%s has no default, so it must be given: with -var '%s=VALUE', in a file with -var-file, in a file *%s, or in the environment as %s%s.", v.name, v.name, suffixVars, envPrefix, v.name)
	if v.sensitive {
		missing += " It is sensitive: other users of the machine can see command lines, so the environment or a file with mode 0600 is the better way."
	}
	if v.description != "" {
		missing += "\n\nWhat it is for: " + v.description
	}
	// An estate with mistakes is not worth an answer.
	if l.opts.Ask == nil || slices.ContainsFunc(l.diags, func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagError && d.Summary != missingVariable }) {
		l.report(errorAt(&v.at, missingVariable, "%s", missing))
		return false
	}
	answer, err := l.opts.Ask(VariableQuestion{Name: v.name, Description: v.description, Type: v.typeName(), Sensitive: v.sensitive})
	if err != nil {
		l.report(errorAt(&v.at, missingVariable, "Asking for var.%s failed: %s. %s", v.name, err, missing))
		return false
	}
	v.given = &givenValue{name: v.name, how: "as the answer to a question", text: answer}
	return true
}

const missingVariable = "No value for variable"
