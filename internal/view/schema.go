package view

import _ "embed"

//go:embed schema/stream-1.0.schema.json
var streamSchema string

//go:embed schema/run-1.0.schema.json
var runSchema string

// StreamSchema returns the JSON Schema (draft 2020-12) of a line of the stream,
// see Line.
func StreamSchema() string { return streamSchema }

// RunSchema returns the JSON Schema (draft 2020-12) of a past run, see
// RunDocument.
func RunSchema() string { return runSchema }
