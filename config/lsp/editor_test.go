package lsp

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/lspclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSchema resembles what the aspects add.
func testSchema() schema.Block {
	return config.InstanceSchema(schema.Fragment{
		Attributes: []schema.Attribute{
			{Name: "node_type", Type: cty.String, OneOf: []string{"design", "automation"}, Doc: "What the node is for."},
			{Name: "port", Type: cty.Number, Check: schema.BasePort, Doc: "The first of ten ports."},
			{Name: "api_key", Type: cty.String, Secret: true},
			{Name: "protect_it", Type: cty.Bool},
			{Name: "exclude", Type: cty.List(cty.String), OneOf: []string{"logs", "temporary"}},
		},
		Blocks: []schema.Block{
			{
				Type: "runtime_database", Doc: "Where DSS keeps its runtime data.",
				Labels: []schema.Label{{Name: "kind", OneOf: []string{"embedded", "postgresql"}, Doc: "The kind of database."}},
				Attributes: []schema.Attribute{
					{Name: "host", Type: cty.String, Required: true, Labels: []string{"postgresql"}, Doc: "The server."},
					{Name: "port", Type: cty.Number, Default: cty.NumberIntVal(5432), Labels: []string{"postgresql"}},
					{Name: "password", Type: cty.String, Secret: true, Labels: []string{"postgresql"}},
				},
				Blocks: []schema.Block{{Type: "pool", Attributes: []schema.Attribute{{Name: "max_pooled", Type: cty.Number}}}},
			},
			{
				Type: "backup", Multiple: true, Labels: []schema.Label{{Name: "name"}},
				Attributes: []schema.Attribute{{Name: "destination", Type: cty.String, Required: true}},
			},
		},
	})
}

// duplex is one end of two pipes.
type duplex struct {
	io.Reader
	io.WriteCloser
}

// editor is a client with a server of its own, and a folder.
type editor struct {
	*lspclient.Client
	t    *testing.T
	ctx  context.Context
	dir  string
	log  *strings.Builder
	done chan error
}

// serve starts a server that ends with the test.
func serve(t *testing.T) (*editor, duplex) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	e := &editor{t: t, ctx: ctx, dir: t.TempDir(), log: &strings.Builder{}, done: make(chan error, 1)}
	go func() {
		err := Serve(ctx, inR, outW, inR.Close, Options{Schema: testSchema(), Version: "0.3.0", Clock: clock.System{}, Log: e.log})
		outW.Close()
		e.done <- err
		close(e.done)
	}()
	t.Cleanup(func() {
		inW.Close()
		outR.Close()
		for range e.done { // until it is closed
		}
		cancel()
	})
	return e, duplex{outR, inW}
}

// edit starts a server and shakes hands.
func edit(t *testing.T, encodings ...string) *editor {
	t.Helper()
	e, pipe := serve(t)
	e.Client = lspclient.New(e.ctx, pipe)
	t.Cleanup(func() { e.Close() })
	if _, err := e.Initialize(e.ctx, lspclient.M{
		"general":      lspclient.M{"positionEncodings": encodings},
		"textDocument": lspclient.M{"completion": lspclient.M{"completionItem": lspclient.M{"snippetSupport": true}}},
		"workspace":    lspclient.M{"didChangeWatchedFiles": lspclient.M{"dynamicRegistration": true}},
	}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *editor) uri(name string) string { return uriOf(filepath.Join(e.dir, name)) }

// disk writes a file.
func (e *editor) disk(name, src string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(src), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// show opens a file in the editor.
func (e *editor) show(name, src string) {
	e.t.Helper()
	e.must(e.Open(e.ctx, e.uri(name), src))
}

func (e *editor) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// findings waits until what is said about a file is as wanted.
func (e *editor) findings(name string, wanted func(lspclient.Published) bool) []lspclient.Diagnostic {
	e.t.Helper()
	p, err := e.Await(e.ctx, e.uri(name), wanted)
	e.must(err)
	return p.Diagnostics
}

// ask asks about the place where the text has the mark ▮, which is taken out
// before the file is opened.
func (e *editor) ask(method, name, src string, result any) {
	e.t.Helper()
	e.must(e.Call(e.ctx, "textDocument/"+method, e.at(name, src), result))
}

func (e *editor) at(name, src string) lspclient.M {
	e.t.Helper()
	before, after, ok := strings.Cut(src, "▮")
	if !ok {
		e.t.Fatal("no mark in the text")
	}
	e.show(name, before+after)
	return lspclient.M{
		"textDocument": lspclient.M{"uri": e.uri(name)},
		"position":     newText(before).position(len(before), utf16Units),
	}
}
