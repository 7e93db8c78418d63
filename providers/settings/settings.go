// Package settings is the aspect general_settings: single values of
// config/general-settings.json, merged into the file while DSS is stopped. What
// is not declared keeps every byte.
//
// The declaration is taken apart into leaves, see leaf.go: each is one JSON
// pointer with its value, or with null, which removes it. Propose compares leaf
// by leaf; the one step, settings.merge, writes those that differ.
package settings

import (
	"errors"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// Name of the aspect, of its attribute, and of its record.
const Name = "general_settings"

// KindMerge is the one kind of step.
const KindMerge plan.Kind = "settings.merge"

// databaseKey is the part of the file that belongs to another aspect.
const databaseKey = "internalDatabase"

// Provider is the aspect.
type Provider struct{}

// New returns the provider.
func New() *Provider { return &Provider{} }

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Importer = (*Provider)(nil)
)

// Name is "general_settings".
func (*Provider) Name() string { return Name }

// Schema is the attribute general_settings.
func (*Provider) Schema() schema.Fragment {
	return schema.Fragment{Attributes: []schema.Attribute{{
		Name: Name, Type: cty.DynamicPseudoType, Check: checkObject,
		Doc: "Values that are merged into `config/general-settings.json`, while DSS is stopped. Objects are merged key by key, lists are replaced as a whole, and `null` removes a key. " +
			"Keys that are not declared keep every byte. Secrets must be sensitive values; the runtime databases have the block `runtime_database`.",
		Example: `{ maxRunningActivities = 20 }`,
	}}}
}

func checkObject(v cty.Value) error {
	if !isObject(v) {
		return errors.New("must be an object, such as { maxRunningActivities = 20 }")
	}
	return nil
}

func isObject(v cty.Value) bool { return v.Type().IsObjectType() || v.Type().IsMapType() }

// Performers has the code of settings.merge.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{KindMerge: merge{}}
}

// Import writes nothing: what is not declared is not managed.
func (*Provider) Import(providers.Observation, dss.Facts) providers.Draft { return providers.Draft{} }

// declared returns the instance's block when it has the attribute, else nil.
func declared(in *config.Instance) *config.Block {
	if in == nil || in.Block == nil || !in.Has(Name) {
		return nil
	}
	return in.Block
}
