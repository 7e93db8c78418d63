package runtimedb

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const passwordComment = `The password is unmanaged: DSS keeps the one it has. To manage it, add
password = var.NAME, of a variable with sensitive = true.`

// Import writes the block that declares what was seen. The password is left
// out, and so is what may hold a secret.
func (*Provider) Import(obs providers.Observation, f dss.Facts) providers.Draft {
	o, _ := obs.(*observation)
	if o == nil || f.NodeType == "api" || o.missing || o.liveErr != nil || (f.NodeType == "govern" && !o.live.External) {
		return providers.Draft{}
	}
	block := providers.DraftBlock{Type: Name, Labels: []string{embedded}}
	if o.live.External {
		attributes, ok := importConnection(o.live, f)
		if !ok {
			return providers.Draft{}
		}
		block.Labels, block.Attributes = []string{postgresql}, attributes
	}
	return providers.Draft{Blocks: []providers.DraftBlock{block}}
}

func importConnection(l live, f dss.Facts) ([]providers.DraftAttribute, bool) {
	t, ok := target(l)
	if !ok || t.Host == "" || t.Database == "" || t.User == "" {
		return nil, false
	}
	out := []providers.DraftAttribute{
		{Name: "host", Value: cty.StringVal(t.Host)},
		{Name: "port", Value: cty.NumberIntVal(int64(t.Port))},
		{Name: "database", Value: cty.StringVal(t.Database)},
		{Name: "schema", Value: cty.StringVal(schemaOf(l, t, f))},
	}
	if t.place.Prefix != "" {
		out = append(out, providers.DraftAttribute{Name: "table_prefix", Value: cty.StringVal(t.place.Prefix)})
	}
	out = append(out, providers.DraftAttribute{Name: "user", Value: cty.StringVal(t.User), Comment: passwordComment})
	if len(l.Properties) == 0 {
		return out, true
	}
	values := map[string]cty.Value{}
	for k, v := range l.Properties {
		if secret.Holds(v, k) {
			return out, true // the rest alone would not be the whole truth
		}
		values[k] = cty.StringVal(v)
	}
	return append(out, providers.DraftAttribute{Name: "properties", Value: cty.MapVal(values)}), true
}

func schemaOf(_ live, t settings, f dss.Facts) string {
	if f.NodeType == "govern" {
		return governSchema(t)
	}
	return t.place.Schema
}
