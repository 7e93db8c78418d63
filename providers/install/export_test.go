package install

import "github.com/dssctl/dssctl/providers/dss"

// Listeners is listeners.
func Listeners(dir string) (map[int]bool, error) { return dss.Listeners(dir) }

// NewPortWith makes a provider that looks for the kernel's lists in dir.
func NewPortWith(dir string) *Port { return &Port{procNet: dir} }
