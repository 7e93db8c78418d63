package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/clock"
)

// Options say what the server knows.
type Options struct {
	// Schema is the whole instance block.
	Schema schema.Block
	// Version is the tool's own.
	Version string
	Clock   clock.Clock
	// Log takes what went wrong, line by line.
	Log io.Writer
}

// Server serves one client.
type Server struct {
	opts  Options
	root  schema.Block
	funcs map[string]config.FunctionDoc
	names []string // of the functions, sorted
	types []string // of the blocks on the top level
	log   *log.Logger
	conn  *jsonrpc2.Conn

	ctx      context.Context // ends with the connection
	requests errgroup.Group
	wake     chan struct{} // a folder is to be checked
	ended    chan struct{} // the client said exit

	mu       sync.Mutex
	ready    bool // initialized
	shut     bool // shutdown was asked for
	watch    bool // the client can watch files
	snippets bool
	units    encoding
	docs     map[string]*document               // by URI
	dirty    map[string]bool                    // folders to be checked
	said     map[string]map[string]string       // by folder and path: what was published
	modules  map[string]map[string]bool         // by folder: those of the modules that it calls
	uris     map[string]string                  // of files that were open, as the client writes them
	disk     map[string]*saved                  // outlines of files that are not open
	running  map[jsonrpc2.ID]context.CancelFunc // requests
}

// maxRequests is how many are worked on at a time; more wait in the pipe.
const maxRequests = 32

// Serve talks to the client until it says exit, goes away, or ctx ends. Closing
// is how reading is ended from here. An end that is not the client's, after
// shutdown and exit, is an error.
func Serve(ctx context.Context, in io.Reader, out io.Writer, closing func() error, opts Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &Server{
		opts: opts, root: config.RootSchema(opts.Schema), funcs: map[string]config.FunctionDoc{},
		log: log.New(opts.Log, "dssctl lsp: ", 0),
		ctx: ctx, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		units: utf16Units,
		docs:  map[string]*document{}, dirty: map[string]bool{}, said: map[string]map[string]string{}, modules: map[string]map[string]bool{},
		uris: map[string]string{}, disk: map[string]*saved{}, running: map[jsonrpc2.ID]context.CancelFunc{},
	}
	for _, f := range config.FunctionDocs() {
		s.funcs[f.Name] = f
		s.names = append(s.names, f.Name)
	}
	for _, b := range s.root.Blocks {
		s.types = append(s.types, b.Type)
	}
	s.requests.SetLimit(maxRequests)
	st := newStream(in, out, closing, s.answered)
	connected := make(chan struct{})
	s.conn = jsonrpc2.NewConn(ctx, st, handler{s, connected}, jsonrpc2.SetLogger(s.log))
	close(connected)
	var checks sync.WaitGroup
	checks.Go(s.checkAll)

	var err error
	select {
	case <-s.ended:
		if !s.shut {
			err = errors.New("the client said exit without shutdown")
		}
	case <-s.conn.DisconnectNotify():
		if err = st.failed; err == nil {
			err = context.Cause(ctx)
		}
	}
	cancel()
	_ = s.conn.Close() // it may be closed already
	checks.Wait()
	s.answered()
	return err
}

// handler is what the connection calls, one message after the other: the order
// of changes and questions is that of the client.
type handler struct {
	*Server
	connected chan struct{} // closed when Server.conn is set
}

// Handle takes a message.
func (h handler) Handle(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) {
	<-h.connected
	s := h.Server
	if req.Notif {
		defer func() {
			if r := recover(); r != nil {
				s.panicked(req.Method, r)
			}
		}()
		s.notification(req)
		return
	}
	answer, err := s.request(req)
	if err != nil {
		s.reply(req, nil, err)
		return
	}
	if req.Method == "initialize" || req.Method == "shutdown" {
		// The first and the last answer, whatever is asked between.
		s.answered()
		result, err := answer(s.ctx)
		s.reply(req, result, err)
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	s.running[req.ID] = cancel
	s.mu.Unlock()
	s.requests.Go(func() error {
		defer func() {
			if r := recover(); r != nil {
				s.panicked(req.Method, r)
				s.reply(req, nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInternalError, Message: "dssctl failed inside; see its log"})
			}
			s.mu.Lock()
			delete(s.running, req.ID)
			s.mu.Unlock()
			cancel()
		}()
		result, err := answer(ctx)
		if ctx.Err() != nil {
			err = &jsonrpc2.Error{Code: codeCancelled, Message: "cancelled"}
		}
		s.reply(req, result, err)
		return nil
	})
}

// answered waits for the requests so far.
func (s *Server) answered() { _ = s.requests.Wait() } // they answer their errors

// panicked notes an error of ours; what was asked with may hold secrets and is
// not shown.
func (s *Server) panicked(method string, r any) {
	s.log.Printf("%s failed inside, please report it: %v\n%s", method, r, debug.Stack())
}

// The codes of the protocol.
const (
	codeNotInitialized = -32002
	codeCancelled      = -32800
	codeFailed         = -32803
)

// refuse answers a request that makes no sense with a sentence for the user.
func refuse(format string, args ...any) error {
	return &jsonrpc2.Error{Code: codeFailed, Message: fmt.Sprintf(format, args...)}
}

func (s *Server) reply(req *jsonrpc2.Request, result any, err error) {
	resp := &jsonrpc2.Response{ID: req.ID}
	if err == nil {
		err = resp.SetResult(result)
	}
	if err != nil {
		var known *jsonrpc2.Error
		if !errors.As(err, &known) {
			known = &jsonrpc2.Error{Code: jsonrpc2.CodeInternalError, Message: err.Error()}
		}
		resp.Error = known
	}
	s.sent(s.conn.SendResponse(s.ctx, resp))
}

// sent notes what could not be sent; a client that is gone ends the server by
// itself.
func (s *Server) sent(err error) {
	if err != nil && !errors.Is(err, jsonrpc2.ErrClosed) && s.ctx.Err() == nil {
		s.log.Printf("send a message: %v", err)
	}
}

func (s *Server) notify(method string, params any) { s.sent(s.conn.Notify(s.ctx, method, params)) }

func (s *Server) encoding() encoding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.units
}

// answer is a request of which all that it needs has been gathered.
type answer func(context.Context) (any, error)

func now(result any) (answer, error) {
	return func(context.Context) (any, error) { return result, nil }, nil
}

// request gathers what the answer needs while the documents are as the client
// sees them.
func (s *Server) request(req *jsonrpc2.Request) (answer, error) {
	s.mu.Lock()
	ready, shut := s.ready, s.shut
	s.mu.Unlock()
	switch {
	case req.Method == "initialize" && !ready:
		return s.initialize(req)
	case req.Method == "initialize":
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidRequest, Message: "initialize came twice"}
	case !ready:
		return nil, &jsonrpc2.Error{Code: codeNotInitialized, Message: "initialize must come first"}
	case shut:
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidRequest, Message: "only exit may follow shutdown"}
	case req.Method == "shutdown":
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		return now(nil)
	}
	f := map[string]func(*query) (any, error){
		"textDocument/completion":     (*query).complete,
		"textDocument/signatureHelp":  (*query).signature,
		"textDocument/hover":          (*query).hover,
		"textDocument/definition":     (*query).definition,
		"textDocument/references":     (*query).references,
		"textDocument/prepareRename":  (*query).prepareRename,
		"textDocument/rename":         (*query).rename,
		"textDocument/documentSymbol": (*query).symbols,
		"textDocument/formatting":     (*query).format,
	}[req.Method]
	if f == nil {
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: fmt.Sprintf("dssctl does not know the method %q", req.Method)}
	}
	q := &query{s: s}
	if err := params(req, &q.params); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.doc = s.docs[q.params.TextDocument.URI]; q.doc == nil {
		return nil, &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: "the document is not open"}
	}
	q.units, q.snippets, q.open = s.units, s.snippets, s.openIn(q.doc.dir())
	return func(ctx context.Context) (any, error) {
		q.ctx = ctx
		return f(q)
	}, nil
}

func params(req *jsonrpc2.Request, into any) error {
	if req.Params == nil {
		return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: req.Method + " needs parameters"}
	}
	if err := json.Unmarshal(*req.Params, into); err != nil {
		return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: "the parameters of " + req.Method + " are of another form"}
	}
	return nil
}

func (s *Server) initialize(req *jsonrpc2.Request) (answer, error) {
	var p initializeParams
	if err := params(req, &p); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	if slices.Contains(p.Capabilities.General.PositionEncodings, string(utf8Units)) {
		s.units = utf8Units
	}
	s.snippets = p.Capabilities.TextDocument.Completion.CompletionItem.SnippetSupport
	s.watch = p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration
	return now(capabilities(s.units, s.opts.Version))
}

// openIn returns the files of a folder that are open, by their names. The lock
// is held.
func (s *Server) openIn(dir string) map[string]*document {
	out := map[string]*document{}
	for _, d := range s.docs {
		if d.path != "" && d.dir() == dir {
			out[d.name()] = d
		}
	}
	return out
}

// checkAll checks folders that have changed, one after the other. All changes
// that come meanwhile are one.
func (s *Server) checkAll() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		}
		// Keys come in bursts, and so do the changes of one command.
		if s.opts.Clock.Sleep(s.ctx, pause) != nil {
			return
		}
		s.mu.Lock()
		todo := s.dirty
		s.dirty = map[string]bool{}
		s.mu.Unlock()
		for _, dir := range slices.Sorted(maps.Keys(todo)) {
			s.checkOne(dir)
		}
	}
}
