package install

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// NodeType is the aspect node_type: a declaration that must be true.
type NodeType struct{}

// NewNodeType returns the provider.
func NewNodeType() *NodeType { return &NodeType{} }

var (
	_ providers.Provider = (*NodeType)(nil)
	_ providers.Importer = (*NodeType)(nil)
	_ providers.Maker    = (*NodeType)(nil)
)

// Name is "node_type".
func (*NodeType) Name() string { return "node_type" }

// Schema is the attribute node_type.
func (*NodeType) Schema() schema.Fragment {
	return schema.Fragment{Attributes: []schema.Attribute{{
		Name: "node_type", Type: cty.String, Public: true, OneOf: []string{"design", "automation", "deployer", "api", "govern"},
		Doc:     "What kind of node the instance is. It is chosen when DSS is installed and cannot be changed: a declared one that is not true is an error.",
		Example: `"design"`,
	}}}
}

// Observe has nothing to look at beyond the facts.
func (*NodeType) Observe(context.Context, providers.ObserveRequest) (providers.Observation, error) {
	return nil, nil //nolint:nilnil // there is no observation
}

// Propose compares; it never proposes a step.
func (*NodeType) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := declared(req.Desired, "node_type")
	if b == nil {
		return providers.Proposal{}, nil
	}
	if want := b.String("node_type"); want != req.Facts.NodeType {
		return providers.Proposal{}, hcl.Diagnostics{failure(b.RangeOf("node_type"), "Another type of node",
			"%s is declared as %q, and the instance in %s is %q. A node's type cannot be changed: correct node_type or data_dir.",
			req.Address, want, req.Desired.DataDir, req.Facts.NodeType)}
	}
	return providers.Proposal{}, nil
}

// Make implements providers.Maker: an instance is made as the declared type.
func (*NodeType) Make(providers.Request) (providers.Proposal, hcl.Diagnostics) {
	return providers.Proposal{}, nil
}

// Performers is empty.
func (*NodeType) Performers() map[plan.Kind]providers.Performer { return nil }

// Import declares the type.
func (*NodeType) Import(_ providers.Observation, f dss.Facts) providers.Draft {
	if f.NodeType == "" {
		return providers.Draft{}
	}
	return providers.Draft{Attributes: []providers.DraftAttribute{{Name: "node_type", Value: cty.StringVal(f.NodeType)}}}
}
