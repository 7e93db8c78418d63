package release

import (
	"fmt"
	"slices"
	"strings"
)

func contains(all []string, s string) bool { return slices.Contains(all, s) }

// listed writes `a`, `b`, `c`.
func listed(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// some names the first of many.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
