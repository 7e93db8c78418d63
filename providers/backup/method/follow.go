package method

import (
	"io/fs"
	"strings"

	"github.com/dssctl/dssctl/internal/archive"
	"github.com/dssctl/dssctl/internal/outlink"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// Follows reports whether the method keeps what a link or a mount leads to where
// every set must hold it. The others keep the link alone.
func Follows(name string) bool { return name == Archive }

// CrossesMounts reports whether the method keeps what is on a file system that is
// mounted inside the data directory.
func CrossesMounts(name string) bool { return name == Rsync || name == Duplicity }

// follower decides which links of a data directory are kept as what they lead
// to: those without which the set would lack what every set must hold.
type follower struct {
	root  string
	rules *exclude.Matcher
	// roots are the folders that are followed to. What leads into one of them, or
	// to a folder above, stays a link, or it would be kept twice, or for ever.
	roots []string
}

// newFollower knows at once where the links at the top lead: they come first.
func newFollower(root string, rules *exclude.Matcher) *follower {
	f := &follower{root: root, rules: rules}
	for _, name := range exclude.Protected() {
		if l, out, err := outlink.Look(root, name); err == nil && out && l.Mode.IsDir() && !l.Broken {
			f.roots = append(f.roots, l.Target)
		}
	}
	return f
}

func (f *follower) decide(rel string, typ fs.FileMode) archive.Decision {
	d := archive.Decision(f.rules.Verdict(rel, typ.IsDir()))
	if d != archive.Keep || !exclude.Needed(rel) {
		return d
	}
	switch typ {
	case fs.ModeDir:
		return archive.Follow
	case fs.ModeSymlink:
		if f.follows(rel) {
			return archive.Follow
		}
	}
	return d
}

func (f *follower) follows(rel string) bool {
	l, out, err := outlink.Look(f.root, rel)
	if err != nil || l.Broken || strings.HasPrefix(rel, "bin/") || !l.Mode.IsDir() && !l.Mode.IsRegular() {
		return false
	}
	if !strings.Contains(rel, "/") {
		// Where DSS wants a file or folder, any link is followed, but to what
		// holds the data directory itself.
		return !outlink.Inside(f.root, l.Target)
	}
	for _, dir := range append([]string{f.root}, f.roots...) {
		if outlink.Inside(dir, l.Target) || outlink.Inside(l.Target, dir) {
			return false
		}
	}
	if l.Mode.IsDir() {
		f.roots = append(f.roots, l.Target)
	}
	return out
}
