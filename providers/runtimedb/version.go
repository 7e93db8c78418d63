package runtimedb

import (
	"strconv"
	"strings"
)

// olderThan compares X.Y.Z numbers; what follows the numbers ("-hotfix2")
// belongs to the version it names. A version that is not understood is not
// older than anything.
func olderThan(version string, than ...int) bool {
	head, _, _ := strings.Cut(version, "-")
	parts := strings.Split(head, ".")
	for i, want := range than {
		n := 0
		if i < len(parts) {
			var err error
			if n, err = strconv.Atoi(parts[i]); err != nil {
				return false
			}
		}
		if n != want {
			return n < want
		}
	}
	return false
}
