package method

import (
	"fmt"
	"strings"
)

// Names are the methods that New makes.
func Names() []string { return []string{Archive, Restic, Rsync, Duplicity, XFSDump} }

// New returns the method of a name.
func New(name string, o Options) (Method, error) {
	switch name {
	case Archive:
		return &tarMethod{o}, nil
	case Restic:
		return newRestic(o), nil
	case Rsync:
		return newRsync(o), nil
	case Duplicity:
		return newDuplicity(o), nil
	case XFSDump:
		return newXfsdump(o), nil
	}
	return nil, fmt.Errorf("there is no backup method %q; expected one of: %s", name, strings.Join(Names(), ", "))
}
