package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// Format returns the source in the canonical style. A file that does not parse
// is an error; one in JSON is returned as it is.
func Format(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	l := newLoader(LoadOptions{})
	if _, ok := l.parse(src, filename); !ok {
		return nil, tidy(l.diags)
	}
	if strings.HasSuffix(filename, ".json") {
		return src, nil
	}
	out := hclwrite.Format(src)
	if len(bytes.TrimSpace(out)) > 0 {
		out = append(bytes.TrimRight(out, "\n \t\r"), '\n')
	}
	// What is formatted must still be read the same.
	if _, diags := hclsyntax.ParseConfig(out, filename, hcl.InitialPos); diags.HasErrors() {
		return nil, hcl.Diagnostics{errorAt(nil, "Cannot format file", "Formatting %s would break it, so it is left alone. Please report it with the file.", filename)}
	}
	return out, nil
}

// Formatted is one file and its canonical form.
type Formatted struct {
	Path          string
	Before, After []byte
	mode          fs.FileMode
}

// Changed reports whether the file is not in canonical style.
func (f *Formatted) Changed() bool { return !bytes.Equal(f.Before, f.After) }

// Diff returns the change as a unified diff. What may be secret is masked: of a
// file other than of configuration every line, except for spaces and brackets.
func (f *Formatted) Diff() string {
	mask := maskLines
	if !IsConfigFile(f.Path) {
		mask = starred
	}
	return udiff.Unified("old/"+f.Path, "new/"+f.Path, string(mask(f.Before)), string(mask(f.After)))
}

// Write replaces the file by its canonical form; mode and owner stay. lostGroup
// says that its group could not be kept.
func (f *Formatted) Write() (lostGroup bool, err error) {
	lostGroup, err = atomicfile.Replace(f.Path, f.After, f.mode)
	if err != nil {
		return false, fmt.Errorf("write the formatted file %s: %w", f.Path, err)
	}
	return lostGroup, nil
}

// FormatFiles formats the files named, and those of the folders named:
// configuration and variable files. Sources are for rendering the diagnostics
// of files that do not parse.
func FormatFiles(paths []string) (files []*Formatted, sources map[string]*hcl.File, diags hcl.Diagnostics) {
	sources = map[string]*hcl.File{}
	for _, p := range paths {
		names, err := formatNames(p)
		if err != nil {
			diags = append(diags, errorAt(nil, "Cannot read file", "Reading %s failed: %s.", p, reason(err)))
			continue
		}
		for _, name := range names {
			src, info, err := readWithInfo(name)
			if err != nil {
				diags = append(diags, errorAt(nil, "Cannot read file", "Reading %s failed: %s.", name, reason(err)))
				continue
			}
			after, d := Format(src, name)
			if d.HasErrors() {
				mask := maskLines
				if !IsConfigFile(name) {
					mask = starred
					unquote(d)
				}
				sources[name] = &hcl.File{Bytes: mask(src)}
				diags = append(diags, d...)
				continue
			}
			files = append(files, &Formatted{Path: name, Before: src, After: after, mode: info.Mode().Perm()})
		}
	}
	return files, sources, diags
}

func readWithInfo(name string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxFile {
		return nil, nil, fmt.Errorf("it has %d bytes, at most %d are allowed", info.Size(), maxFile)
	}
	src, err := os.ReadFile(name)
	return src, info, err
}

func formatNames(p string) ([]string, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{p}, nil
	}
	entries, err := os.ReadDir(p)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && (IsConfigFile(n) || IsAutoVarFile(n)) {
			names = append(names, filepath.Join(p, n))
		}
	}
	return names, nil
}
