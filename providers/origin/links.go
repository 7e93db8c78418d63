package origin

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/owners"
)

// A source may have folders on another disk, with links to them in its data
// directory. A clone that kept such a link would work on its source's content:
// it gets the content itself.

// linked is a link at the top of a source's data directory that leads out of it.
type linked struct {
	Name string `json:"name"`
	Real string `json:"leads_to"`
	// Empty says that the clone gets an empty folder instead of the content.
	Empty bool `json:"empty,omitempty"`
}

func (l linked) String() string {
	if l.Empty {
		return l.Name + " → " + l.Real + " (an empty folder instead)"
	}
	return l.Name + " → " + l.Real
}

// linksAtTop are those of what was followed, in order.
func linksAtTop(all []still.FollowedLink) []linked {
	var out []linked
	for _, f := range all {
		if !strings.Contains(f.Rel, "/") {
			out = append(out, linked{Name: f.Rel, Real: f.Real, Empty: f.Treatment == still.Empty})
		}
	}
	slices.SortFunc(out, func(a, b linked) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// linksBelow are those deeper in it, for a reader.
func linksBelow(all []still.FollowedLink) []string {
	var out []string
	for _, f := range all {
		if strings.Contains(f.Rel, "/") {
			out = append(out, f.Rel+" → "+f.Real)
		}
	}
	slices.Sort(out)
	return out
}

// firstOf names some of many.
func firstOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %s more", strings.Join(names[:most], ", "), humanize.Count(int64(len(names)-most), "link", "links"))
}

// keptBelow are folders whose own links lead to programs and to what is written
// anew: a clone may have the same links there.
var keptBelow = []string{"pyenv", "code-envs", "acode-envs", "R.lib", "install-support"}

// madeAnew are folders whose content a clone does not need: DSS, or the
// installer, makes it.
var madeAnew = []string{"pyenv"}

// treatment says what a clone gets in the place of a link of its source. kit is
// the source's.
func treatment(rel, resolved, kit string) still.Treatment {
	top, _, deeper := strings.Cut(rel, "/")
	if owners.OfSystem(resolved) || kit != "" && realpath.Inside(resolved, kit) {
		return still.Keep
	}
	temporary, logs := classed("temporary", top), classed("logs", top)
	switch {
	case !deeper && (temporary || slices.Contains(madeAnew, top)):
		return still.Empty
	case deeper && (temporary || logs || slices.Contains(keptBelow, top)):
		return still.Keep
	}
	return still.Follow
}

// classed reports whether a folder is of a class of what backups may leave out.
func classed(class, name string) bool {
	for _, c := range exclude.Classes() {
		if c.Name == class {
			return slices.Contains(c.All(), name)
		}
	}
	return false
}

// errHeld is in the error of a copy from a snapshot that would have to follow a
// link.
var errHeld = errors.New("a snapshot does not hold what links lead to")

// cloneLinks are the rules for a copy of src. held says that a snapshot is
// copied, which holds nothing of what links lead to. told is called for each link
// that is not kept; nil for nobody.
func cloneLinks(src *dss.Instance, kit string, held bool, told func(rel, resolved string)) still.Links {
	var mu sync.Mutex
	return still.Links{Live: src.DataDir, Out: func(rel, resolved string) (still.Treatment, error) {
		t := treatment(rel, resolved, kit)
		if t == still.Follow && held {
			return t, fmt.Errorf("%s is a link to %s: %w, so that the clone would share it with its source, or have it of another moment; choose consistency = \"stop\", or put the content itself in the place of the link", filepath.Join(src.DataDir, rel), resolved, errHeld)
		}
		if t != still.Keep && told != nil {
			mu.Lock()
			defer mu.Unlock()
			told(rel, resolved)
		}
		return t, nil
	}}
}
