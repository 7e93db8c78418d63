package config

import (
	"github.com/zclconf/go-cty/cty"
)

// instanceAddress makes an instance, which an attribute stands for, into its
// address. A data directory belongs to one instance, so it tells which one.
func (l *loader) instanceAddress(e *expression, v cty.Value) (cty.Value, bool) {
	bare, _ := v.Unmark()
	if bare.IsNull() {
		return cty.NullVal(cty.String), true
	}
	if bare.Type().IsObjectType() && bare.Type().HasAttribute("data_dir") {
		dir, _ := bare.GetAttr("data_dir").Unmark()
		if dir.Type() == cty.String && dir.IsKnown() && !dir.IsNull() {
			for _, name := range e.refs.instances {
				for _, in := range l.decls[name].instances {
					if in.DataDir == dir.AsString() {
						return cty.StringVal(in.Address), true
					}
				}
			}
			// It came in from another folder.
			if address := l.all.placed[dir.AsString()]; address != "" && (l.above != nil || len(e.refs.modules) > 0) {
				return cty.StringVal(address), true
			}
		}
	}
	if bare.Type() == cty.DynamicPseudoType || !bare.IsKnown() {
		return v, false // what is wrong with that instance was reported
	}
	l.report(errorAt(e.attr.Expr.Range().Ptr(), "No instance", "%s must be an instance of the estate, written instance.NAME or instance.NAME[\"KEY\"] without quotes around it; this is %s.", e.spec.Name, article(bare.Type().FriendlyName())))
	return v, false
}
