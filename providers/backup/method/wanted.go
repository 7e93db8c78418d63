package method

import "strings"

// wanted are names that a set must hold, as Holds is given them, and which of
// them were seen.
type wanted struct {
	names []string
	seen  map[string]bool
}

func newWanted(names []string) *wanted { return &wanted{names, map[string]bool{}} }

// saw notes what is at a path: a "file", a "folder", or something else.
func (w *wanted) saw(rel, kind string) {
	for _, name := range w.names {
		folder := strings.HasSuffix(name, "/")
		if strings.TrimSuffix(name, "/") == rel && (folder && kind == "folder" || !folder && kind == "file") {
			w.seen[name] = true
		}
	}
}

// missing are the names that were not seen.
func (w *wanted) missing() (out []string) {
	for _, name := range w.names {
		if !w.seen[name] {
			out = append(out, name)
		}
	}
	return out
}
