// Package outlink tells symbolic links that lead out of a folder from those that
// stay in it. What leads out is easily lost when the folder is copied, and easily
// written to when somebody works in the copy.
package outlink

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Link is a symbolic link that leads out of a folder.
type Link struct {
	// Path is the link, from the folder.
	Path string
	// Target is where it leads, with all links resolved; as the link says it
	// where nothing is there.
	Target string
	// Mode is the type of what is there (the bits of fs.ModeType, 0 for a
	// regular file). Broken says that nothing is, or that nobody may look.
	Mode   fs.FileMode
	Broken bool
}

// Look looks at the symbolic link rel in the folder root, which has no link in
// its own path. out is false for one that stays in the folder, of which little
// else is told unless it stands at the top.
func Look(root, rel string) (l Link, out bool, err error) {
	at := filepath.Join(root, rel)
	said, err := os.Readlink(at)
	if err != nil {
		return l, false, err
	}
	lexical := said
	if !filepath.IsAbs(said) {
		lexical = filepath.Join(filepath.Dir(at), said)
		if Inside(lexical, root) && !strings.HasPrefix(filepath.Clean(said), "..") && strings.Contains(rel, "/") {
			return l, false, nil // the usual case, and cheap
		}
	}
	l = Link{Path: rel, Target: filepath.Clean(lexical)}
	target, err := filepath.EvalSymlinks(at)
	if err != nil {
		l.Broken = true
		return l, !Inside(l.Target, root), nil
	}
	l.Target = target
	info, err := os.Stat(target)
	if err != nil {
		l.Broken = true
		return l, !Inside(target, root), nil
	}
	l.Mode = info.Mode().Type()
	return l, !Inside(target, root), nil
}

// Inside reports whether path is dir or below it. Both are clean.
func Inside(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// programs is where systems keep what a package manager brings back.
var programs = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/opt/rh"}

// Program reports whether the link leads to what the system brings with it, or
// what lies in one of the folders more, such as a kit.
func (l Link) Program(more ...string) bool {
	for _, dir := range append(more, programs...) {
		if dir != "" && Inside(l.Target, filepath.Clean(dir)) {
			return true
		}
	}
	return false
}
