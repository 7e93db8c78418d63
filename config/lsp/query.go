package lsp

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
)

// query is one question of the client, with the documents as they were when it
// asked.
type query struct {
	s        *Server
	ctx      context.Context
	params   positionParams
	doc      *document
	open     map[string]*document // of the same folder, by name
	units    encoding
	snippets bool
}

// saved is the outline of a file that is not open.
type saved struct {
	modified time.Time
	size     int64
	*text
	outline *outline
}

// source is a file of the estate.
type source struct {
	uri  string
	name string
	*text
	outline *outline
}

// vars reports whether the file gives variables values.
func (s source) vars() bool { return !config.IsConfigFile(s.name) }

func (q *query) own() source {
	return source{uri: q.doc.uri, name: q.doc.name(), text: q.doc.text, outline: q.doc.outline()}
}

func (q *query) location(src source, at span) location {
	return location{URI: src.uri, Range: src.rangeOf(at, q.units)}
}

// sources are the estate's files in HCL's own syntax, that of the question
// first.
func (q *query) sources() []source {
	out := []source{q.own()}
	if q.doc.path == "" {
		return out
	}
	fsys := overlay{dir: q.doc.dir(), open: q.open}
	entries, err := fsys.ReadDir(".")
	if err != nil {
		return out // diagnostics say it
	}
	for _, e := range entries {
		name := e.Name()
		if q.ctx.Err() != nil {
			break
		}
		if name == q.doc.name() || e.IsDir() || !inEstate(name) || !strings.HasSuffix(name, ".hcl") {
			continue
		}
		if d := q.open[name]; d != nil {
			out = append(out, source{uri: d.uri, name: name, text: d.text, outline: d.outline()})
		} else if f := q.s.outlineOf(filepath.Join(fsys.dir, name)); f != nil {
			out = append(out, source{uri: q.s.clientURI(filepath.Join(fsys.dir, name)), name: name, text: f.text, outline: f.outline})
		}
	}
	return out
}

// outlineOf is the outline of a file on disk, made again when it has changed;
// nil for one that cannot be read.
func (s *Server) outlineOf(path string) *saved {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	known := s.disk[path]
	s.mu.Unlock()
	if known != nil && known.modified.Equal(info.ModTime()) && known.size == info.Size() {
		return known
	}
	o := overlay{dir: filepath.Dir(path), read: map[string]string{}}
	src, err := o.ReadFile(filepath.Base(path))
	if err != nil {
		return nil
	}
	f := &saved{
		modified: info.ModTime(), size: info.Size(),
		text: newText(string(src)), outline: (&outlines{types: s.types}).of(string(src)),
	}
	s.mu.Lock()
	s.disk[path] = f
	s.mu.Unlock()
	return f
}

func (s *Server) clientURI(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uriOf(path)
}

// blocks calls f for every block of the top level in the estate.
func blocks(sources []source, f func(src source, base int, b *block)) {
	for _, src := range sources {
		for _, p := range src.outline.parts {
			for _, b := range p.body.blocks {
				f(src, p.base, b)
			}
		}
	}
}

// schemaOf is the description of a block; nil for one that is not known.
func (s *Server) schemaOf(b *block) *schema.Block {
	at := &s.root
	for _, step := range b.path() {
		next, ok := at.Block(step.typ.text)
		if !ok {
			return nil
		}
		at = next
	}
	return at
}

// spot is what stands at a byte.
type spot struct {
	part
	offset int // in the part
	in     *block
	attr   *attr // the attribute, with the value, that the spot is in
	name   bool  // it is in the attribute's name
	header *block
	label  int // of the header; -1 for its type
}

// spot finds what the question is about.
func (q *query) spot() spot {
	p, offset := q.doc.outline().at(q.doc.offset(q.params.Position, q.units))
	sp := spot{part: p, offset: offset, in: p.body, label: -1}
	for {
		var inner *block
		for _, b := range sp.in.blocks {
			switch {
			case b.open >= 0 && b.open <= offset && (offset < b.end || !b.closed):
				inner = b
			case b.typ.has(offset):
				sp.header = b
			default:
				for i, l := range b.labels {
					if l.has(offset) {
						sp.header, sp.label = b, i
					}
				}
			}
		}
		if inner == nil {
			break
		}
		sp.in = inner
	}
	for i := range sp.in.attrs {
		a := &sp.in.attrs[i]
		if a.name.has(offset) || a.value.has(offset) {
			sp.attr, sp.name = a, a.name.has(offset)
		}
	}
	return sp
}

// reference is the reference at the spot, and the step of it.
func (sp spot) reference() (*ref, int) {
	for i := range sp.refs {
		for n, st := range sp.refs[i].steps {
			if st.has(sp.offset) {
				return &sp.refs[i], n
			}
		}
	}
	return nil, 0
}

// around is the block of the top level that a block is in, where it is of one of
// these types; nil otherwise.
func (b *block) around(types ...string) *block {
	if p := b.path(); len(p) > 0 && slices.Contains(types, p[0].typ.text) {
		return p[0]
	}
	return nil
}
