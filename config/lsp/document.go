package lsp

import (
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/config"
)

// document is one version of a file that is open in the editor. It never
// changes: a change makes the next one.
type document struct {
	uri     string
	path    string // "" for what is no file
	version int
	*text
	outlines *outlines // shared by all versions

	once sync.Once
	made *outline
}

func (d *document) outline() *outline {
	d.once.Do(func() { d.made = d.outlines.of(d.src) })
	return d.made
}

// native reports whether the file is dssctl's and in HCL's own syntax: what is
// in JSON has diagnostics, and nothing else. An editor may send other files too:
// they are none of our business.
func (d *document) native() bool {
	return strings.HasSuffix(d.path, ".hcl") && inEstate(d.name()) || isVars(d.name())
}

func (d *document) name() string { return filepath.Base(d.path) }
func (d *document) dir() string  { return filepath.Dir(d.path) }

// inEstate reports whether the file is one that an estate is read from.
func inEstate(name string) bool { return config.IsConfigFile(name) || config.IsAutoVarFile(name) }

// isVars reports whether the file holds values of variables.
func isVars(name string) bool { return strings.HasSuffix(name, ".vars.hcl") }

// pathOf returns the path of a file's URI; "" for any other.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(u.Path) {
		return ""
	}
	return filepath.Clean(u.Path)
}

func uriOf(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// uriOf writes a path as the client does, where it has: there are several ways.
// The lock is held.
func (s *Server) uriOf(path string) string {
	if uri := s.uris[path]; uri != "" {
		return uri
	}
	return uriOf(path)
}
