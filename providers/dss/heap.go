package dss

import "strconv"

// HeapToAvoid reports whether a heap size is one that DSS's documentation
// advises against: from 32g on Java has less room for objects than below, up to
// 48g.
func HeapToAvoid(bytes int64) bool { return bytes >= 32<<30 && bytes < 48<<30 }

// HeapSize reads a size as Java does: "4g", "512m", in bytes without a unit.
func HeapSize(s string) (int64, bool) {
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
