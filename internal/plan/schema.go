package plan

import _ "embed"

//go:embed schema/plan-1.0.schema.json
var schemaJSON string

// Schema returns the JSON Schema (draft 2020-12) of the plan file.
func Schema() string { return schemaJSON }
