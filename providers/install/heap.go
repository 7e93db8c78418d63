package install

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// The heap sizes between which Java has less room for objects than below them.
const (
	heapFrom = 32 << 30
	heapTo   = 48 << 30
)

// checkHeap warns of a heap size that DSS's documentation advises against. It
// quotes no sensitive value.
func checkHeap(l *line, value string, at *hcl.Range) *hcl.Diagnostic {
	if l.Section != "javaopts" || !strings.HasSuffix(l.Key, ".xmx") {
		return nil
	}
	size, ok := heapSize(value)
	if !ok || size < heapFrom || size >= heapTo {
		return nil
	}
	return warning(at, "A heap size to avoid",
		"%s is %s. From 32g on Java needs twice the room for each pointer, so a heap between 32g and 48g holds less than one of 31g: DSS's documentation advises to choose 31g or less, or 48g or more.",
		l.name(), l.Value)
}

// heapSize reads a size as Java does: "4g", "512m", in bytes without a unit.
func heapSize(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	shift := 0
	switch s[len(s)-1] {
	case 'k', 'K':
		shift = 10
	case 'm', 'M':
		shift = 20
	case 'g', 'G':
		shift = 30
	case 't', 'T':
		shift = 40
	}
	if shift > 0 {
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return 0, false
	}
	return n << shift, true
}
