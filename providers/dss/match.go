package dss

import (
	"slices"
	"strings"
)

// names reports whether a text names the folder or something inside it, as
// whole path components: "/data/dss" is in "-d /data/dss/bin" and
// "DIP_HOME=/data/dss", and not in "/data/dss2" or "/mnt/data/dss".
func names(text, dir string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], dir)
		if i < 0 {
			return false
		}
		i += at
		if begins(text[:i]) && ends(text[i+len(dir):]) {
			return true
		}
		at = i + 1
	}
}

const around = " \t\r\n\x00\"'`=:,;()[]{}<>|&"

func begins(before string) bool {
	return before == "" || strings.HasSuffix(before, "://") || strings.ContainsRune(around+"@", rune(before[len(before)-1]))
}

func ends(after string) bool {
	return after == "" || after[0] == '/' || strings.ContainsRune(around, rune(after[0]))
}

// dirs are the paths under which the data directory is known: the real one and
// the one that it was asked for by.
func (in *Instance) dirs() []string {
	return slices.Compact([]string{in.DataDir, in.given})
}

func (in *Instance) namedIn(text string) bool {
	return slices.ContainsFunc(in.dirs(), func(dir string) bool { return names(text, dir) })
}
