package lsp

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
)

// findings are what is wrong with the files of a folder, by path. Each file of
// the estate has an entry.
type findings map[string]found

type found struct {
	version *int
	diags   []diagnostic
}

// check reads the estate of a folder, what is open in the place of what is on
// disk.
func (s *Server) check(ctx context.Context, dir string, open map[string]*document) findings {
	fsys := &overlay{dir: dir, open: map[string]*document{}, read: map[string]string{}, elsewhere: s.openAt}
	anyOf := ""
	for name, d := range open {
		if !inEstate(name) {
			continue
		}
		fsys.open[name] = d
		if anyOf == "" || name < anyOf {
			anyOf = name
		}
	}
	out := findings{}
	if len(fsys.open) > 0 {
		estate, diags := config.Load(config.LoadOptions{
			Schema: s.opts.Schema, Version: s.opts.Version, FS: fsys, Editing: true, Context: ctx,
		})
		for name, d := range fsys.open {
			fsys.read[name] = d.src // also what a mistake elsewhere kept from being read
		}
		s.uses(dir, fsys)
		s.enter(out, fsys, diags, discretion(estate), anyOf)
	}
	// Variable files that are read when they are asked for: their syntax.
	for name, d := range open {
		if !inEstate(name) && isVars(name) {
			_, diags := config.Format([]byte(d.src), name)
			fsys.open[name], fsys.read[name] = d, d.src
			s.enter(out, fsys, diags, func(s string) string { return s }, name)
		}
	}
	return out
}

// uses remembers the folders of the modules that an estate calls: a change there
// is one of the estate.
func (s *Server) uses(dir string, fsys *overlay) {
	modules := map[string]bool{}
	for name := range fsys.read {
		if strings.Contains(name, "/") {
			modules[filepath.Dir(filepath.Join(dir, filepath.FromSlash(name)))] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modules[dir] = modules
}

// openAt returns a file that is open; nil for one that is not.
func (s *Server) openAt(path string) *document {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.docs[s.uriOf(path)]
}

// discretion takes secrets out of what is said: the last line, diagnostics have
// none.
func discretion(e *config.Estate) func(string) string {
	var r secret.Redactor
	for _, v := range e.Secrets {
		r.Add(v)
	}
	return r.String
}

// enter sorts diagnostics by file. One without a place goes to the beginning of
// the file otherwise.
func (s *Server) enter(out findings, fsys *overlay, diags hcl.Diagnostics, discreet func(string) string, otherwise string) {
	texts := map[string]*text{}
	for name, src := range fsys.read {
		if strings.Contains(name, "/") {
			continue // of a module: a folder of its own
		}
		f := found{diags: []diagnostic{}}
		if d := fsys.open[name]; d != nil {
			f.version = &d.version
			texts[name] = d.text
		} else if len(diags) > 0 {
			texts[name] = newText(src)
		}
		path := filepath.Join(fsys.dir, filepath.FromSlash(name))
		if _, known := out[path]; !known {
			out[path] = f
		}
	}
	for _, d := range diags {
		name, at := otherwise, span{}
		subject := d.Subject
		if called, ok := config.CalledAt(d); ok && (subject == nil || texts[filepath.ToSlash(subject.Filename)] == nil) {
			subject = &called // what is wrong inside is shown at the call
		}
		if subject != nil && texts[filepath.ToSlash(subject.Filename)] != nil {
			name, at = filepath.ToSlash(subject.Filename), span{subject.Start.Byte, subject.End.Byte}
		}
		t := texts[name]
		if t == nil {
			t = newText("")
		}
		message := d.Summary
		if d.Detail != "" {
			message += ": " + d.Detail
		}
		severity := severityError
		if d.Severity == hcl.DiagWarning {
			severity = severityWarning
		}
		path := filepath.Join(fsys.dir, filepath.FromSlash(name))
		f := out[path]
		f.diags = append(f.diags, diagnostic{Range: t.rangeOf(at, s.encoding()), Severity: severity, Source: "dssctl", Message: discreet(message)})
		out[path] = f
	}
}
