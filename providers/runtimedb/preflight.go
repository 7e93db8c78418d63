package runtimedb

import (
	"context"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// Preflight implements providers.Preflighter.
func (configureStep) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Replaceable(c.Instance, dss.SettingsFile), nil
}

// Preflight implements providers.Preflighter.
func (embedStep) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Replaceable(c.Instance, dss.SettingsFile), nil
}

// Preflight implements providers.Preflighter.
func (governStep) Preflight(_ context.Context, c *providers.Call) ([]preflight.Finding, error) {
	return preflight.Replaceable(c.Instance, dss.PropertiesFile), nil
}
