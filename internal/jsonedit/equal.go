package jsonedit

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"
)

// Equal reports whether two JSON texts mean the same: numbers are compared
// exactly as numbers (1.0 is 1, 1e2 is 100, and 2^53+1 is not 2^53), strings
// after their escapes, objects without regard to the order of keys. A text that
// is not valid JSON equals nothing.
func Equal(a, b []byte) bool {
	ca, errA := Canonical(a)
	cb, errB := Canonical(b)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}

// Canonical returns the same bytes for all JSON texts that are Equal, such as
// for a fingerprint. It is not itself meant to be read as JSON.
func Canonical(raw []byte) ([]byte, error) {
	s := scanner{b: raw}
	if err := s.whole(); err != nil {
		return nil, err
	}
	out, _ := canonical(nil, raw, skipSpace(raw, 0))
	return out, nil
}

// canonical appends the value at i to out, and returns the offset behind it.
func canonical(out, b []byte, i int) (_ []byte, end int) {
	switch b[i] {
	case '{':
		return canonicalObject(out, b, i)
	case '[':
		out = append(out, '[')
		for i = skipSpace(b, i+1); b[i] != ']'; {
			out, i = canonical(out, b, i)
			out = append(out, ',')
			i = behindComma(b, i)
		}
		return append(out, ']'), i + 1
	case '"':
		end = skipString(b, i)
		return canonicalString(out, unquote(b[i:end])), end
	case 't', 'f', 'n':
		return append(out, b[i]), skipValue(b, i)
	default:
		end = skipValue(b, i)
		return canonicalNumber(out, b[i:end]), end
	}
}

func canonicalObject(out, b []byte, i int) (_ []byte, end int) {
	type pair struct{ key, value []byte }
	var pairs []pair
	for i = skipSpace(b, i+1); b[i] != '}'; {
		var p pair
		keyEnd := skipString(b, i)
		p.key = unquote(b[i:keyEnd])
		p.value, i = canonical(nil, b, skipSpace(b, skipSpace(b, keyEnd)+1))
		pairs = append(pairs, p)
		i = behindComma(b, i)
	}
	slices.SortFunc(pairs, func(x, y pair) int { return bytes.Compare(x.key, y.key) })
	out = append(out, '{')
	for _, p := range pairs {
		out = append(canonicalString(out, p.key), ':')
		out = append(append(out, p.value...), ',')
	}
	return append(out, '}'), i + 1
}

// behindComma returns where the next element begins, or the container ends.
func behindComma(b []byte, i int) int {
	i = skipSpace(b, i)
	if b[i] == ',' {
		i = skipSpace(b, i+1)
	}
	return i
}

// canonicalString writes the length first, so that nothing needs an escape.
func canonicalString(out, s []byte) []byte {
	out = append(strconv.AppendInt(append(out, '"'), int64(len(s)), 10), ':')
	return append(append(out, s...), '"')
}

// canonicalNumber writes the digits without zeros at either end, and the power
// of ten.
func canonicalNumber(out, n []byte) []byte {
	negative := n[0] == '-'
	n = bytes.TrimPrefix(n, []byte{'-'})
	exponent := new(big.Int)
	if e := bytes.IndexAny(n, "eE"); e >= 0 {
		// Never expanded: 1e999999999 is a number of two parts.
		exponent.SetString(string(bytes.TrimPrefix(n[e+1:], []byte{'+'})), 10)
		n = n[:e]
	}
	whole, fraction, _ := bytes.Cut(n, []byte{'.'})
	digits := append(append([]byte(nil), whole...), fraction...)
	short := bytes.TrimRight(digits, "0")
	exponent.Add(exponent, big.NewInt(int64(len(digits)-len(short)-len(fraction))))
	short = bytes.TrimLeft(short, "0")
	if len(short) == 0 {
		return append(out, '0')
	}
	if negative {
		out = append(out, '-')
	}
	out = append(out, short...)
	if exponent.Sign() != 0 {
		out = exponent.Append(append(out, 'e'), 10)
	}
	return out
}
