package schema

import (
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// Duration accepts a Go duration that is not negative, such as "90s", "10m" or
// "26h".
func Duration(v cty.Value) error {
	d, err := time.ParseDuration(v.AsString())
	if err != nil {
		return errors.New(`must be a duration such as "90s", "10m" or "26h"`)
	}
	if d < 0 {
		return errors.New("must not be negative")
	}
	return nil
}

// AbsolutePath accepts a path that begins with a slash and has no control
// characters.
func AbsolutePath(v cty.Value) error {
	p := v.AsString()
	if !filepath.IsAbs(p) {
		return errors.New(`must be an absolute path, beginning with "/"`)
	}
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("must be a path without control characters")
	}
	return nil
}

// NotEmpty accepts a string or a collection that has something in it.
func NotEmpty(v cty.Value) error {
	if v.Type() == cty.String {
		if strings.TrimSpace(v.AsString()) == "" {
			return errors.New("must not be empty")
		}
		return nil
	}
	if v.CanIterateElements() && v.LengthInt() == 0 {
		return errors.New("must not be empty")
	}
	return nil
}

// Port accepts a TCP port.
func Port(v cty.Value) error { return Between(1, 65535)(v) }

// BasePort accepts the first of the ten consecutive ports of an instance.
func BasePort(v cty.Value) error {
	if err := Between(1024, 65535-9)(v); err != nil {
		return errors.New("must be a whole number from 1024 to 65526: an instance owns ten ports, beginning with this one")
	}
	return nil
}

// Whole accepts a whole number.
func Whole(v cty.Value) error {
	if !v.AsBigFloat().IsInt() {
		return errors.New("must be a whole number")
	}
	return nil
}

// Between makes a check for a whole number of low … high.
func Between(low, high int64) func(cty.Value) error {
	return func(v cty.Value) error {
		f := v.AsBigFloat()
		if !f.IsInt() || f.Cmp(new(big.Float).SetInt64(low)) < 0 || f.Cmp(new(big.Float).SetInt64(high)) > 0 {
			return fmt.Errorf("must be a whole number from %d to %d", low, high)
		}
		return nil
	}
}

// Matches makes a check for strings that match the expression as a whole; what
// says in words what is expected: "64 hexadecimal digits".
func Matches(expression, what string) func(cty.Value) error {
	re := lazyregexp.New(`\A(?:` + expression + `)\z`)
	return func(v cty.Value) error {
		if !re.MatchString(v.AsString()) {
			return errors.New("must be " + what)
		}
		return nil
	}
}
