package backup

import (
	"encoding/json"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
)

// created shows a new policy: what it comes down to, also where that is a
// default, and then all that it declares, in the schema's order. The schedule is
// compared on its own, with the entry that is there.
func (m *maker) created(b *config.Block) []plan.Change {
	out := []plan.Change{
		m.change(b, "destination", plan.Create, nil, m.a.Destination, ""),
		m.change(b, "method", plan.Create, nil, m.a.Method, ""),
		m.change(b, "consistency", plan.Create, nil, m.a.Consistency, ""),
		m.change(b, "retention", plan.Create, nil, words(m.a.Retention), ""),
	}
	shown := map[string]bool{"schedule": true}
	for i := range out {
		shown[out[i].Path] = true
	}
	declared := func(b *config.Block, before string, all []schema.Attribute) {
		for i := range all {
			a := &all[i]
			if shown[before+a.Name] || !b.Declared(a.Name) {
				continue
			}
			c := plan.Change{Block: Name + "." + m.a.Name, Path: before + a.Name, Op: plan.Create, Secret: a.Secret}
			if !c.Secret {
				c.After = valueOf(b, a.Name)
			}
			out = append(out, c)
		}
	}
	declared(b, "", attributes())
	if c := snapshotBlock(); b.Child(c.Type) != nil {
		declared(b.Child(c.Type), c.Type+".", c.Attributes)
	}
	return out
}

// valueOf is an attribute as JSON; none that may be secret is asked for.
func valueOf(b *config.Block, name string) json.RawMessage {
	v := b.Value(name)
	raw, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		panic("backup: a value that is no JSON: " + err.Error())
	}
	return raw
}
