package method

import "slices"

// The names of the methods.
const (
	Archive   = "archive"
	Restic    = "restic"
	Rsync     = "rsync"
	Duplicity = "duplicity"
	XFSDump   = "xfsdump"
)

// Warms reports whether the method has a first pass, which makes the second one
// short.
func Warms(name string) bool { return slices.Contains([]string{Restic, Rsync, Duplicity}, name) }

// MainFile is the file in the set's folder that holds the bytes and that the
// method verifies by itself; "" where there is none.
func MainFile(p Part) string {
	switch p.Method {
	case Archive:
		return archiveName(p.Tool)
	case XFSDump:
		return "datadir.xfsdump"
	}
	return ""
}
