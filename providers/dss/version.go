package dss

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// Version is a version of DSS, such as 14.4.1 or 12.6.10-hotfix2.
type Version struct {
	numbers *version.Version
	suffix  string
}

// ParseVersion reads a version. The error repeats what was given.
func ParseVersion(s string) (Version, error) {
	numbers, suffix, dash := strings.Cut(s, "-")
	if dash && suffix == "" {
		return Version{}, fmt.Errorf("%q is no version of DSS: nothing follows the dash", s)
	}
	v, err := version.NewVersion(numbers)
	if err != nil {
		return Version{}, fmt.Errorf("%q is no version of DSS such as 14.4.1: %w", s, err)
	}
	return Version{numbers: v, suffix: suffix}, nil
}

// Major is the first number.
func (v Version) Major() int { return v.numbers.Segments()[0] }

// Older reports whether v is below these numbers; a hotfix belongs to what it
// fixes.
func (v Version) Older(numbers ...int) bool {
	for i, s := range v.numbers.Segments() {
		want := 0
		if i < len(numbers) {
			want = numbers[i]
		}
		if s != want {
			return s < want
		}
	}
	return false
}

// CompareVersions orders two versions of DSS: a hotfix comes after what it
// fixes, where semantic versions would have it before, and hotfix10 after
// hotfix2.
func CompareVersions(a, b string) (int, error) {
	va, err := ParseVersion(a)
	if err != nil {
		return 0, err
	}
	vb, err := ParseVersion(b)
	if err != nil {
		return 0, err
	}
	if c := va.numbers.Compare(vb.numbers); c != 0 {
		return c, nil
	}
	return compareSuffixes(va.suffix, vb.suffix), nil
}

var digits = lazyregexp.New(`[0-9]+|[^0-9]+`)

// compareSuffixes compares word by word, numbers by their value.
func compareSuffixes(a, b string) int {
	as, bs := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	for i := 0; i < len(as) && i < len(bs); i++ {
		x, y := strings.TrimLeft(as[i], "0"), strings.TrimLeft(bs[i], "0")
		switch {
		case as[i] == bs[i]:
		case isDigit(as[i][0]) && isDigit(bs[i][0]) && len(x) != len(y):
			return len(x) - len(y)
		case x != y:
			return strings.Compare(x, y)
		}
	}
	return len(as) - len(bs)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
