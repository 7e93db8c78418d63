package lsp

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/sourcegraph/jsonrpc2"
)

// pause is how long a change waits for others.
const pause = 15 * time.Millisecond

// notification takes what the client says without asking. What is not known is
// none of our business.
func (s *Server) notification(req *jsonrpc2.Request) {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	if req.Method == "exit" {
		s.answered()
		close(s.ended)
		<-s.ctx.Done() // nothing is read behind it
		return
	}
	if !ready {
		return
	}
	switch req.Method {
	case "initialized":
		s.watchFiles()
	case "$/cancelRequest":
		var p struct {
			ID jsonrpc2.ID `json:"id"`
		}
		if s.understood(req, &p) {
			s.mu.Lock()
			if cancel := s.running[p.ID]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		}
	case "textDocument/didOpen":
		var p openParams
		if s.understood(req, &p) {
			s.open(p)
		}
	case "textDocument/didChange":
		var p changeParams
		if s.understood(req, &p) {
			s.change(p)
		}
	case "textDocument/didSave":
		var p documentParams
		if s.understood(req, &p) {
			s.touch(pathOf(p.TextDocument.URI))
		}
	case "textDocument/didClose":
		var p documentParams
		if s.understood(req, &p) {
			s.mu.Lock()
			delete(s.docs, p.TextDocument.URI)
			s.mu.Unlock()
			s.touch(pathOf(p.TextDocument.URI))
		}
	case "workspace/didChangeWatchedFiles":
		var p watchedParams
		if s.understood(req, &p) {
			for _, c := range p.Changes {
				s.touch(pathOf(c.URI))
			}
		}
	}
}

func (s *Server) understood(req *jsonrpc2.Request, into any) bool {
	err := params(req, into)
	if err != nil {
		s.log.Printf("a message is not understood: %v", err)
	}
	return err == nil
}

// watchFiles asks the client to tell when files of estates change on disk.
func (s *Server) watchFiles() {
	s.mu.Lock()
	watch := s.watch
	s.mu.Unlock()
	if !watch {
		return
	}
	type m = map[string]any
	var watchers []m
	for _, glob := range []string{"**/*.dss.hcl", "**/*.dss.hcl.json", "**/*.auto.vars.hcl", "**/*.auto.vars.hcl.json", "**/*.auto.vars.json"} {
		watchers = append(watchers, m{"globPattern": glob})
	}
	// The answer says nothing: who cannot watch tells by saving.
	_, err := s.conn.DispatchCall(s.ctx, "client/registerCapability", m{"registrations": []m{{
		"id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": m{"watchers": watchers},
	}}})
	s.sent(err)
}

func (s *Server) open(p openParams) {
	uri := p.TextDocument.URI
	d := &document{uri: uri, path: pathOf(uri), version: p.TextDocument.Version, text: newText(p.TextDocument.Text), outlines: &outlines{types: s.types}}
	s.mu.Lock()
	s.docs[uri] = d
	if d.path != "" {
		s.uris[d.path] = uri
	}
	s.mu.Unlock()
	s.touch(d.path)
}

func (s *Server) change(p changeParams) {
	s.mu.Lock()
	d := s.docs[p.TextDocument.URI]
	if d == nil {
		s.mu.Unlock()
		s.log.Printf("a document was changed that is not open: %s", p.TextDocument.URI)
		return
	}
	next := &document{uri: d.uri, path: d.path, version: p.TextDocument.Version, text: d.apply(p.ContentChanges, s.units), outlines: d.outlines}
	s.docs[d.uri] = next
	s.mu.Unlock()
	s.touch(d.path)
}

// touch has the folder of a file checked again, and those that call it.
func (s *Server) touch(path string) {
	if path == "" {
		return
	}
	s.mu.Lock()
	folder := filepath.Dir(path)
	s.dirty[folder] = true
	for dir, modules := range s.modules {
		if modules[folder] {
			s.dirty[dir] = true
		}
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// checkOne checks a folder and tells the client what has changed. A folder of
// which nothing is open is left, and nothing more is said of it.
func (s *Server) checkOne(dir string) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked("checking the files", r)
		}
	}()
	s.mu.Lock()
	open := s.openIn(dir)
	s.mu.Unlock()
	all := findings{}
	if len(open) > 0 {
		all = s.check(s.ctx, dir, open)
	}
	s.mu.Lock()
	if s.dirty[dir] {
		s.mu.Unlock()
		return // it is older than what the client shows
	}
	said := s.said[dir]
	if len(open) == 0 {
		delete(s.said, dir)
		delete(s.modules, dir)
		maps.DeleteFunc(s.disk, func(path string, _ *saved) bool { return filepath.Dir(path) == dir })
	} else if s.said[dir] = map[string]string{}; said == nil {
		said = map[string]string{}
	}
	var messages []publishParams
	for _, path := range slices.Sorted(maps.Keys(all)) {
		p := publishParams{URI: s.uriOf(path), Version: all[path].version, Diagnostics: all[path].diags}
		raw, err := json.Marshal(p)
		if err != nil || said[path] != string(raw) {
			messages = append(messages, p)
		}
		s.said[dir][path] = string(raw)
	}
	for _, path := range slices.Sorted(maps.Keys(said)) {
		if _, still := all[path]; !still {
			messages = append(messages, publishParams{URI: s.uriOf(path), Diagnostics: []diagnostic{}})
		}
	}
	s.mu.Unlock()
	for _, m := range messages {
		s.notify("textDocument/publishDiagnostics", m)
	}
}
