package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	hcljson "github.com/hashicorp/hcl/v2/json"
)

// The names of configuration files and of variable files that are read
// without being asked for.
const (
	suffixNative   = ".dss.hcl"
	suffixJSON     = ".dss.hcl.json"
	suffixVars     = ".auto.vars.hcl"
	suffixVarsJSON = ".auto.vars.json"
)

// maxFile is more than any estate needs, and little enough to parse.
const maxFile = 16 << 20

// IsConfigFile reports whether a base name is that of a configuration file.
func IsConfigFile(name string) bool {
	return !ignored(name) && (strings.HasSuffix(name, suffixNative) || strings.HasSuffix(name, suffixJSON))
}

// IsAutoVarFile reports whether a base name is that of a variable file that is
// read without being asked for.
func IsAutoVarFile(name string) bool {
	return !ignored(name) && (strings.HasSuffix(name, suffixVars) || strings.HasSuffix(name, suffixVars+".json") || strings.HasSuffix(name, suffixVarsJSON))
}

// ignored are hidden files and what editors leave beside a file.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

// readFolder parses all configuration files of a folder. broken says that one
// of them did not parse, or could not be read.
func (l *loader) readFolder(dir string) (bodies []hcl.Body, broken bool) {
	names, ok := l.list(dir)
	if !ok {
		return nil, true
	}
	var files, misnamed []string
	for _, n := range names {
		switch {
		case IsConfigFile(n):
			files = append(files, n)
		case ignored(n) || IsAutoVarFile(n) || strings.HasSuffix(n, ".lock.hcl"):
		case strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json") || strings.HasSuffix(n, ".dss"):
			misnamed = append(misnamed, n)
		}
	}
	if len(files) == 0 {
		detail := fmt.Sprintf("The folder %s holds no file named *%s or *%s, so there is nothing to read.", dir, suffixNative, suffixJSON)
		if len(misnamed) > 0 {
			base, _, _ := strings.Cut(misnamed[0], ".")
			detail += fmt.Sprintf(" There is %s: should it be named %s%s?", strings.Join(misnamed, ", "), base, suffixNative)
		}
		l.report(errorAt(nil, "No configuration files", "%s", detail))
		return nil, true
	}
	for _, n := range files {
		name := filepath.Join(dir, n)
		src, ok := l.read(name, "the configuration file")
		if !ok {
			broken = true
			continue
		}
		sum := sha256.Sum256(src)
		l.hashes[l.fromDir(name)] = hex.EncodeToString(sum[:])
		f, ok := l.parse(src, name)
		if !ok {
			broken = true
			continue
		}
		bodies = append(bodies, f.Body)
	}
	return bodies, broken
}

// fromDir is a path as seen from the estate's folder, with slashes.
func (l *loader) fromDir(name string) string {
	rel, err := filepath.Rel(l.opts.Dir, name)
	if err != nil {
		rel = filepath.Clean(name) // as a file of its own: it stays told apart
	}
	return filepath.ToSlash(rel)
}

// list returns the names in a folder, sorted.
func (l *loader) list(dir string) ([]string, bool) {
	var entries []fs.DirEntry
	var err error
	if l.opts.FS != nil {
		entries, err = fs.ReadDir(l.opts.FS, l.fromDir(dir))
	} else {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		l.report(errorAt(nil, "Cannot read folder", "Reading the folder %s failed: %s.", dir, reason(err)))
		return nil, false
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, true
}

// read returns a file's content; name is as the user would write it.
func (l *loader) read(name, what string) ([]byte, bool) {
	src, err := l.open(name)
	if err == nil && len(src) > maxFile {
		err = fmt.Errorf("it has %d bytes, at most %d are allowed", len(src), maxFile)
	}
	if err != nil {
		l.report(errorAt(nil, "Cannot read file", "Reading %s %s failed: %s.", what, name, reason(err)))
		return nil, false
	}
	return src, true
}

func (l *loader) open(name string) ([]byte, error) {
	if l.opts.FS == nil {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 && info.Mode()&fs.ModeCharDevice == 0 {
			return nil, errors.New("it is not a file")
		}
		if info.Size() > maxFile {
			return nil, fmt.Errorf("it has %d bytes, at most %d are allowed", info.Size(), maxFile)
		}
		return os.ReadFile(name)
	}
	rel, err := filepath.Rel(l.opts.Dir, name)
	if err != nil || !fs.ValidPath(filepath.ToSlash(rel)) {
		rel = path.Clean(filepath.ToSlash(name))
	}
	return fs.ReadFile(l.opts.FS, filepath.ToSlash(rel))
}

// reason is an error without the operation and path that the sentence around
// it says already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// parse reads one file in the syntax that its name says, and keeps a masked
// copy for diagnostics.
func (l *loader) parse(src []byte, name string) (*hcl.File, bool) {
	isJSON := strings.HasSuffix(name, ".json")
	shown := &hcl.File{Bytes: src}
	l.sources[name] = shown
	var f *hcl.File
	var diags hcl.Diagnostics
	if !isJSON {
		f, diags = parseNative(src, name)
	} else if d := checkLimits(src, name, true); d != nil {
		diags = hcl.Diagnostics{d}
	} else {
		f, diags = hcljson.Parse(src, name)
	}
	if diags.HasErrors() {
		// What is secret cannot be told without a tree: take out all that
		// looks so.
		shown.Bytes = maskLines(src)
		diags = essential(diags, isJSON)
		l.report(diags...)
		return nil, false
	}
	shown.Body, shown.Nav = f.Body, f.Nav
	if isJSON {
		shown.Bytes = maskLines(src) // its expressions cannot be looked into
	}
	return f, true
}

// essential leaves out what follows from the first mistake of a file.
func essential(diags hcl.Diagnostics, isJSON bool) hcl.Diagnostics {
	first := diags[0]
	switch {
	case first.Summary == "Invalid JSON keyword":
		first.Detail = "This is no JSON value. A string must be written in double quotes."
		return diags[:1]
	case isJSON:
		return diags[:1]
	}
	for i, d := range diags {
		if d.Summary == "Invalid multi-line string" {
			d.Detail = "The string has no closing quote on its line. A text of several lines is written as a heredoc (<<EOT), or with \\n."
			return diags[:i+1]
		}
	}
	return diags
}
