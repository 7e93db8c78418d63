// Package planner compares what is declared with what was observed and orders
// the work: into stages that run while DSS runs, and into as few windows of
// downtime as safety allows. It is pure: no files, no processes, no network and
// no clock, so that its tests are golden files. What it makes is a plan.Plan.
package planner

import (
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/state"
)

// Input is all that a plan is made of.
type Input struct {
	Version string    // of dssctl
	Now     time.Time // the plan's creation time
	Estate  *config.Estate
	// Selection narrows the plan; nil takes everything. Targets and Excludes
	// are its addresses, kept in the plan for the reader.
	Selection Selection
	Targets   []string
	Excludes  []string
	Meta      state.Meta
	// Ordered says that a command orders this, such as a backup at night: what
	// the files say of changes (checks, preconditions, ignore, protect, instances
	// that have left them) does not hold it up or come along. What a protected
	// instance must not suffer is refused all the same.
	Ordered bool
	// RefreshOnly plans nothing for the instances themselves.
	RefreshOnly bool
	// Recorded is what state remembers, by instance address; MovedFrom are the
	// former addresses of those that follow a move, see Follow.
	Recorded  map[string]state.Instance
	MovedFrom map[string]string
	// Providers in the order of their blocks in a plan.
	Providers []providers.Provider
	Frame     providers.Frame
	// Observed in any order, each instance once. Instances that the selection
	// leaves out may be absent; where they are there, the rules between
	// instances see them too.
	Observed []Observed
}

// Selection says what -target and -exclude leave in.
type Selection interface {
	// Includes reports whether anything of the instance is wanted.
	Includes(instance string) bool
	// IncludesBlock reports whether a block or an attribute of the instance is
	// wanted, by its name below it: "runtime_database", "backup.nightly". For
	// "backup" it reports whether any of those is.
	IncludesBlock(instance, block string) bool
}

// Observed is what was seen of one instance.
type Observed struct {
	Instance *config.Instance
	Facts    dss.Facts
	// RealDir is where the data directory's path leads to, without any link.
	RealDir string
	// Observations by provider name.
	Observations map[string]providers.Observation
	// Read returns what a probe finds, see dss.Instance.Read. It must answer
	// from what the observation saw: the fingerprint is to be of what the
	// decision was based on.
	Read func(probe string) (content string, exists bool, err error)
	// Absent says that the instance is to be made, see providers.Maker.
	Absent bool
	// Err says why the instance could not be observed; hcl.Diagnostics keep
	// their places in the source.
	Err error
}
