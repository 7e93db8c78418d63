package dss

// Instance is one live instance.
type Instance struct {
	// DataDir is absolute and clean.
	DataDir string
}
