package dss_test

import (
	"testing"

	"github.com/dssctl/dssctl/providers/dss"
)

func TestCompareVersions(t *testing.T) {
	// In their order; what stands on one line is the same.
	order := [][]string{
		{"3.1.5"},
		{"4.0.0", "4", "4.0"},
		{"12.5.2"},
		{"12.6.10"},
		{"12.6.10-hotfix1"},
		{"12.6.10-hotfix2"},
		{"12.6.10-hotfix10"},
		{"12.6.11"},
		{"14.4.1"},
		{"14.10.0"},
		{"15.2.1"},
	}
	for i, as := range order {
		for j, bs := range order {
			for _, a := range as {
				for _, b := range bs {
					got, err := dss.CompareVersions(a, b)
					if err != nil || (got < 0) != (i < j) || (got > 0) != (i > j) {
						t.Errorf("%s and %s: %d, %v", a, b, got, err)
					}
				}
			}
		}
	}
	for _, bad := range []string{"", "x", "14.4.1-", "newest", "14..1"} {
		if _, err := dss.CompareVersions(bad, "14.4.1"); err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}
