// Package dss knows one live Dataiku DSS instance: its data directory's files,
// which it reads tolerantly and edits byte for byte, its commands, its service
// (own scripts or boot unit), and its public API. It knows nothing of plans.
package dss
