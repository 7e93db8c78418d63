package realpath

import "path/filepath"

// Index finds, for a path, those of many folders that it is in. Adding and asking
// take the same time however many there are.
type Index[V any] struct {
	mounts *Mounts
	at     map[string][]V
}

// NewIndex returns an empty one, for what is mounted now.
func NewIndex[V any](m *Mounts) *Index[V] { return &Index[V]{mounts: m, at: map[string][]V{}} }

// Add adds a folder, which need not be there.
func (x *Index[V]) Add(dir string, v V) {
	key := x.mounts.Key(dir)
	x.at[key] = append(x.at[key], v)
}

// Around returns what was added for the path itself and for each folder that it
// is in, from the innermost on.
func (x *Index[V]) Around(path string) []V {
	var out []V
	seen := map[string]bool{}
	for dir := Resolve(path); ; dir = filepath.Dir(dir) {
		// Of each folder, also by where it is on its volume: it may be mounted at
		// several places.
		s := x.mounts.spot(dir)
		for at := s.path; s.known; at = filepath.Dir(at) {
			key := s.volume + "\x00" + at
			if seen[key] {
				break
			}
			seen[key] = true
			out = append(out, x.at[key]...)
			if at == filepath.Dir(at) {
				break
			}
		}
		if !s.known {
			out = append(out, x.at[dir]...)
		}
		if dir == filepath.Dir(dir) {
			return out
		}
	}
}
