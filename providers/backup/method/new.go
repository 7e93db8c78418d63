package method

import (
	"fmt"
	"slices"
	"strings"
)

// Names are the methods that New makes.
func Names() []string { return []string{Archive, Restic, Rsync, Duplicity, XFSDump} }

// New returns the method of a name.
func New(name string, o Options) (Method, error) {
	switch name {
	case Archive:
		return &tarMethod{o}, nil
	}
	if slices.Contains(Names(), name) {
		return nil, fmt.Errorf("method %q is not built into this dssctl", name)
	}
	return nil, fmt.Errorf("there is no backup method %q; expected one of: %s", name, strings.Join(Names(), ", "))
}
