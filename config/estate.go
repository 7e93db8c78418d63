// Package config reads an estate: the folder of *.dss.hcl files, and those of the
// modules that they call. It parses,
// evaluates variables, locals and for_each, decodes each instance by the
// schema, and reports every error it finds at once, each with its place in the
// source. It knows nothing of the live world.
package config

import (
	"encoding/json"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/secret"
)

// Estate is an evaluated configuration.
type Estate struct {
	Dir string
	// Files are the configuration's files (not the variable files), those of
	// modules too, by their path from the folder, with the SHA-256 of their
	// content in hexadecimal.
	Files map[string]string
	// Sources are the parsed files by the names in hcl.Range, for rendering
	// diagnostics.
	Sources map[string]*hcl.File
	// Instances in the order of their addresses.
	Instances []*Instance
	// Checks are warnings, one for each assertion of a check that does not hold.
	Checks hcl.Diagnostics
	// Outputs in the order of their names.
	Outputs []Output
	// Moves and Forgets say what became of instances that state may remember
	// under an address that is no longer declared.
	Moves   []Move
	Forgets []Address
	// Imports say which instances are there already and taken over.
	Imports []Import
	// Variables are the values of the declared variables that are not
	// sensitive and were given from outside, as JSON.
	Variables map[string]json.RawMessage
	// Secrets holds every sensitive value in use, see Block.Text for names.
	Secrets secret.Values
	// State is the dssctl { state "TYPE" {} } block; nil for the default.
	State *Block

	schema *schema.Block // the instance block, for addresses
	loader *loader       // for Evaluate
}

// Instance is one declared DSS instance.
type Instance struct {
	// Address is instance.NAME or instance.NAME["KEY"], in a module behind the
	// address of that.
	Address string
	Module  []Step // the calls that lead to it; none for the estate's own
	Name    string
	Key     string // the for_each key, "" without
	DataDir string // absolute, cleaned
	// Ignore are the places whose drift is left alone.
	Ignore []Part
	// Refused says which preconditions are not met: the instance must not be
	// changed.
	Refused hcl.Diagnostics
	// Block holds the attributes and the nested blocks of the aspects.
	*Block
}
