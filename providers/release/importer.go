package release

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// Import declares the version that was seen.
func (*Provider) Import(_ providers.Observation, f dss.Facts) providers.Draft {
	if !versionForm.MatchString(f.Version) {
		return providers.Draft{}
	}
	return providers.Draft{Blocks: []providers.DraftBlock{{
		Type: Name, Draft: providers.Draft{Attributes: []providers.DraftAttribute{{Name: "version", Value: cty.StringVal(f.Version)}}},
	}}}
}
