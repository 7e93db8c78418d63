package backup

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/outlink"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/preflight"
)

// surveyed is what a look at the data directory found, before anything is kept.
type surveyed struct {
	tree preflight.Tree
	// outside is what leads out of it, and what becomes of that in the set.
	outside set.Outside
	// lost are links and mounts without whose content the set would lack what
	// every set must hold, and which the method does not follow.
	lost []lostLead
}

type lostLead struct {
	set.Lead
	why string
}

// survey looks through the data directory. It opens no file.
func (c *call) survey(ctx context.Context) (surveyed, error) {
	rules, err := exclude.Compile(c.Rules)
	if err != nil {
		return surveyed{}, err
	}
	visit := func(above string) func(string, fs.FileMode) (bool, bool) {
		return func(rel string, typ fs.FileMode) (counts, below bool) {
			v := rules.Verdict(filepath.Join(above, rel), typ.IsDir())
			return v != exclude.Drop, v == exclude.Keep
		}
	}
	var s surveyed
	if s.tree, err = preflight.LookThrough(ctx, c.Instance.DataDir, visit("")); err != nil {
		return s, err
	}
	s.tree.Out = append(s.tree.Out, topLinks(s.tree)...)
	// As when they are kept: those at the top come first.
	slices.SortStableFunc(s.tree.Out, func(a, b outlink.Link) int {
		return min(1, strings.Count(a.Path, "/")) - min(1, strings.Count(b.Path, "/"))
	})
	roots := []string{s.tree.Root}
	// What is followed is looked through too, and can lead further.
	for todo := s.tree.Out; len(todo) > 0; {
		l := todo[0]
		todo = todo[1:]
		if !c.lead(&s, l, roots) || !l.Mode.IsDir() {
			continue
		}
		roots = append(roots, l.Target)
		more, err := preflight.LookThrough(ctx, l.Target, visit(l.Path))
		if err != nil {
			return s, err
		}
		s.tree.Files, s.tree.Folders = s.tree.Files+more.Files, s.tree.Folders+more.Folders
		s.tree.UnreadableTotal += more.UnreadableTotal
		for _, u := range more.Unreadable {
			s.tree.Unreadable = append(s.tree.Unreadable, preflight.Unreadable{Path: filepath.Join(l.Path, u.Path), Why: u.Why})
		}
		for _, m := range more.Out {
			m.Path = filepath.Join(l.Path, m.Path)
			todo = append(todo, m)
		}
	}
	for _, rel := range s.tree.Mounts {
		c.mounted(&s, rel)
	}
	return s, nil
}

// topLinks are links in the place of what every set must hold that stay in the
// data directory: even they are no folder and no file.
func topLinks(t preflight.Tree) (out []outlink.Link) {
	for _, name := range exclude.Protected() {
		l, leads, err := outlink.Look(t.Root, name)
		if err == nil && !leads {
			out = append(out, l)
		}
	}
	return out
}

// lead notes what becomes of a link, and reports whether it is followed.
func (c *call) lead(s *surveyed, l outlink.Link, roots []string) bool {
	lead := set.Lead{Path: l.Path, Target: l.Target}
	top := !strings.Contains(l.Path, "/")
	needed := exclude.Needed(l.Path) && !strings.HasPrefix(l.Path, "bin/") && (top || !l.Broken)
	leave := func() bool {
		if s.outside.LeftTotal++; len(s.outside.Left) < mostNamed {
			s.outside.Left = append(s.outside.Left, lead)
		}
		return false
	}
	lose := func(format string, args ...any) bool {
		s.lost = append(s.lost, lostLead{lead, fmt.Sprintf(format, args...)})
		return false
	}
	switch {
	case !needed && l.Program(c.kit()):
		s.outside.Programs++
		return false
	case !needed:
		return leave()
	case l.Broken:
		return lose("nothing is there")
	case slices.ContainsFunc(roots[1:], func(dir string) bool { return outlink.Inside(l.Target, dir) }):
		return leave() // kept already, in its other place
	case slices.ContainsFunc(roots, func(dir string) bool { return outlink.Inside(dir, l.Target) }):
		return lose("that holds the data directory, or what leads there")
	case !l.Mode.IsDir() && !l.Mode.IsRegular():
		return lose("that is neither a folder nor a file")
	case !method.Follows(c.Method):
		return lose("the method %s keeps the link, and not what it leads to", c.Method)
	case c.Held != "":
		return lose("a %s of the data directory does not hold what is outside of it", view(c.Held))
	}
	s.outside.Followed = append(s.outside.Followed, lead)
	return true
}

// mounted notes what becomes of another file system in the data directory.
func (c *call) mounted(s *surveyed, rel string) {
	lead := set.Lead{Path: rel}
	needed := exclude.Needed(rel)
	switch {
	case c.Held == "" && (method.CrossesMounts(c.Method) || needed && method.Follows(c.Method)):
		// It is kept like any folder.
	case needed && c.Held != "":
		s.lost = append(s.lost, lostLead{lead, fmt.Sprintf("a %s of the data directory does not hold what is mounted in it", view(c.Held))})
	case needed:
		s.lost = append(s.lost, lostLead{lead, fmt.Sprintf("the method %s stays on the file system of the data directory", c.Method)})
	default:
		if s.outside.LeftTotal++; len(s.outside.Left) < mostNamed {
			s.outside.Left = append(s.outside.Left, lead)
		}
	}
}

// mostNamed bounds how many links a manifest names.
const mostNamed = 20

func view(held string) string {
	if held == "reflink" {
		return "copy by reference"
	}
	return held + " snapshot"
}

// kit is the folder that the data directory's programs lead to; "" where nobody
// says.
func (c *call) kit() string {
	f, err := c.Instance.Identity()
	if err != nil {
		return ""
	}
	return f.InstallDir
}

// leadWords names leads for a person: "managed_datasets (to /data2/sets)".
func leadWords(leads []set.Lead, total int64) string {
	const shown = 3
	var parts []string
	for _, l := range leads[:min(shown, len(leads))] {
		if l.Target == "" {
			parts = append(parts, l.Path+" (another file system)")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s (to %s)", l.Path, l.Target))
	}
	text := strings.Join(parts, ", ")
	if more := total - int64(len(parts)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// required is what the set must hold: what every set must, and what of that kind
// is there.
func (c *call) required() ([]string, error) {
	f, err := c.Instance.Identity()
	if err != nil {
		return nil, err
	}
	must := set.Must(f.NodeType)
	for _, name := range exclude.Protected() {
		at := c.Instance.Path(name)
		info, err := os.Stat(at)
		if err != nil {
			continue
		}
		if info.IsDir() {
			// An empty folder is no loss, and not every method lists one.
			if entries, err := os.ReadDir(at); err != nil || len(entries) == 0 {
				continue
			}
			name += "/"
		}
		if !slices.Contains(must, name) {
			must = append(must, name)
		}
	}
	return must, nil
}
