// Package lspclient is an editor that follows a script: tests and figures drive
// the language server with it. It has its framing from the library and knows
// nothing of the server's inside.
package lspclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

// M is a JSON object.
type M = map[string]any

// Client is the editor's end.
type Client struct {
	conn *jsonrpc2.Conn

	mu        sync.Mutex
	news      chan struct{} // closed and made anew with each message
	published map[string]Published
	asked     []string
}

// Published is what the server said last about a file.
type Published struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Diagnostic is one of its findings.
type Diagnostic struct {
	Range    Range  `json:"range"`
	Severity int    `json:"severity"`
	Message  string `json:"message"`
}

// Range is a part of a text.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Position is a place in a text.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// New talks over the connection, which it closes at the end.
func New(ctx context.Context, rwc io.ReadWriteCloser) *Client {
	c := &Client{news: make(chan struct{}), published: map[string]Published{}}
	c.conn = jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(rwc, jsonrpc2.VSCodeObjectCodec{}), handler{c}, jsonrpc2.SetLogger(silent{}))
	return c
}

type silent struct{}

// Printf says nothing.
func (silent) Printf(string, ...any) {}

type handler struct{ *Client }

// Handle takes what the server says by itself.
func (h handler) Handle(ctx context.Context, conn *jsonrpc2.Conn, req *jsonrpc2.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !req.Notif {
		h.asked = append(h.asked, req.Method)
		_ = conn.Reply(ctx, req.ID, nil) // it fails when the server is gone
	}
	if req.Method == "textDocument/publishDiagnostics" {
		var p Published
		if json.Unmarshal(*req.Params, &p) == nil {
			h.published[p.URI] = p
		}
	}
	close(h.news)
	h.news = make(chan struct{})
}

// Initialize shakes hands; capabilities are the client's.
func (c *Client) Initialize(ctx context.Context, capabilities M) (json.RawMessage, error) {
	var out json.RawMessage
	if err := c.Call(ctx, "initialize", M{"processId": nil, "rootUri": nil, "capabilities": capabilities}, &out); err != nil {
		return nil, err
	}
	return out, c.Notify(ctx, "initialized", M{})
}

// Call asks and waits for the answer.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	return c.conn.Call(ctx, method, params, result)
}

// Notify says something.
func (c *Client) Notify(ctx context.Context, method string, params any) error {
	return c.conn.Notify(ctx, method, params)
}

// Open opens a file in the editor.
func (c *Client) Open(ctx context.Context, uri, text string) error {
	return c.Notify(ctx, "textDocument/didOpen", M{"textDocument": M{"uri": uri, "languageId": "dssctl", "version": 1, "text": text}})
}

// Replace changes a range of it.
func (c *Client) Replace(ctx context.Context, uri string, version int, r Range, text string) error {
	return c.Notify(ctx, "textDocument/didChange", M{"textDocument": M{"uri": uri, "version": version}, "contentChanges": []M{{"range": r, "text": text}}})
}

// Write changes all of it.
func (c *Client) Write(ctx context.Context, uri string, version int, text string) error {
	return c.Notify(ctx, "textDocument/didChange", M{"textDocument": M{"uri": uri, "version": version}, "contentChanges": []M{{"text": text}}})
}

// Await waits until what was published about a file is as wanted.
func (c *Client) Await(ctx context.Context, uri string, wanted func(Published) bool) (Published, error) {
	for {
		c.mu.Lock()
		p, ok := c.published[uri]
		news := c.news
		c.mu.Unlock()
		if ok && wanted(p) {
			return p, nil
		}
		select {
		case <-news:
		case <-c.conn.DisconnectNotify():
			return p, fmt.Errorf("wait for diagnostics of %s: the server is gone", uri)
		case <-ctx.Done():
			return p, fmt.Errorf("wait for diagnostics of %s, the last were %+v: %w", uri, p, ctx.Err())
		}
	}
}

// Version is wanted of an open file.
func Version(n int) func(Published) bool {
	return func(p Published) bool { return p.Version != nil && *p.Version == n }
}

// Asked are the methods that the server has asked for.
func (c *Client) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asked...)
}

// Exit ends the server as the protocol says.
func (c *Client) Exit(ctx context.Context) error {
	if err := c.Call(ctx, "shutdown", nil, nil); err != nil {
		return err
	}
	return c.Notify(ctx, "exit", nil)
}

// Close goes away without a word.
func (c *Client) Close() error { return c.conn.Close() }

// CallAs asks under an id, so that the request can be cancelled.
func (c *Client) CallAs(ctx context.Context, id jsonrpc2.ID, method string, params any) error {
	return c.conn.Call(ctx, method, params, nil, jsonrpc2.PickID(id))
}
