package jsonedit

import "bytes"

// few is up to how many keys are compared one by one; a map is for more, so
// that an object of a million keys still costs linear time.
const few = 8

// keySet finds a key that is there twice. Keys count as equal when they are
// after their escapes are resolved.
type keySet struct {
	n     int
	first [few][]byte
	all   map[string]struct{}
}

// add reports whether the key, in quotes at b[from:to], is new.
func (k *keySet) add(s *scanner, from, to int) bool {
	key := unquote(s.b[from:to])
	k.n++
	if k.n <= few {
		for _, other := range k.first[:k.n-1] {
			if bytes.Equal(other, key) {
				return false
			}
		}
		k.first[k.n-1] = key
		return true
	}
	if k.all == nil {
		k.all = s.set(len(s.path))
		for _, other := range k.first {
			k.all[string(other)] = struct{}{}
		}
	}
	if _, twice := k.all[string(key)]; twice {
		return false
	}
	k.all[string(key)] = struct{}{}
	return true
}

// set returns an empty set for an object at this depth.
func (s *scanner) set(depth int) map[string]struct{} {
	for len(s.known) <= depth {
		s.known = append(s.known, nil)
	}
	if s.known[depth] == nil || len(s.known[depth]) > 1024 {
		// Clearing costs what a map once held: a large one is not reused.
		s.known[depth] = map[string]struct{}{}
	} else {
		clear(s.known[depth])
	}
	return s.known[depth]
}
