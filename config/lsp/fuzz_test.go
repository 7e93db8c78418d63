package lsp

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/lspclient"
)

// FuzzFraming sends anything: the server ends in time, and fails nowhere.
func FuzzFraming(f *testing.F) {
	begin := frame(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{"general":{"positionEncodings":["utf-8"]}}}}`)
	f.Add([]byte(begin + frame(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///nonexistent/m.dss.hcl","version":1,"text":"a = \"${var."}}}`) +
		frame(`{"jsonrpc":"2.0","id":"x","method":"textDocument/completion","params":{"textDocument":{"uri":"file:///nonexistent/m.dss.hcl"},"position":{"line":0,"character":11}}}`)))
	f.Add([]byte(begin + frame(`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`) + frame(`{"jsonrpc":"2.0","method":"exit"}`)))
	f.Add([]byte("Content-Length: 5\r\nContent-Type: x\r\n\r\n{\"a\"}Content-Length:2\n\n{}"))
	f.Add([]byte(begin + frame(`{"jsonrpc":"2.0","id":1,"result":null}`) + frame(`{"jsonrpc":"2.0","id":null,"method":"textDocument/didChange","params":{"contentChanges":[{}]}}`)))
	f.Fuzz(func(t *testing.T, sent []byte) {
		var log lockedText // the connection may still write when Serve has ended
		in := io.NopCloser(strings.NewReader(string(sent)))
		_ = Serve(context.Background(), in, io.Discard, in.Close, Options{Schema: testSchema(), Clock: clock.System{}, Log: &log}) // it may end well or not
		if strings.Contains(log.String(), "failed inside") {
			t.Error(log.String())
		}
	})
}

// lockedText gathers what several goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// FuzzQuestions asks everything everywhere in a text that may be broken.
func FuzzQuestions(f *testing.F) {
	names, err := filepath.Glob("../testdata/diagnostics/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatal(len(names), err)
	}
	for i, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(src).Files {
			if config.IsConfigFile(file.Name) {
				f.Add(string(file.Data), i*7)
			}
		}
	}
	f.Add(estate, 300)
	f.Add("instance \"a\" {\n x = \"${instance[\"a\"].b[\"\n", 40)
	f.Add("a \"\n\"\n\"${\n", 5)
	root := config.RootSchema(testSchema())
	s := &Server{root: root, units: utf16Units, funcs: map[string]config.FunctionDoc{}, opts: Options{Schema: testSchema()}}
	for _, b := range root.Blocks {
		s.types = append(s.types, b.Type)
	}
	for _, d := range config.FunctionDocs() {
		s.funcs[d.Name] = d
	}
	f.Fuzz(func(t *testing.T, src string, at int) {
		doc := &document{text: newText(src), outlines: &outlines{types: s.types}}
		doc.path = "/nonexistent/m.dss.hcl"
		q := &query{s: s, ctx: t.Context(), doc: doc, units: utf8Units, snippets: true}
		q.params.Position = doc.position(at, utf8Units)
		q.params.NewName = "fresh"
		whole := 0
		for _, p := range doc.outline().parts {
			whole += len(p.text)
		}
		if whole != len(src) {
			t.Fatalf("the parts have %d bytes, the text %d", whole, len(src))
		}
		for _, ask := range []func(*query) (any, error){
			(*query).complete, (*query).signature, (*query).hover, (*query).definition,
			(*query).references, (*query).prepareRename, (*query).rename, (*query).symbols, (*query).format,
		} {
			_, _ = ask(q) // an answer or a refusal
		}
	})
}

// Texts that nest or repeat without end are no trouble.
func TestHostile(t *testing.T) {
	e := edit(t)
	const n = 5000
	for name, src := range map[string]string{
		"blocks":     strings.Repeat("instance \"a\" {\n", n),
		"inner":      "instance \"a\" {\n" + strings.Repeat("  a {\n", n),
		"brackets":   "locals {\n a = " + strings.Repeat("[", n),
		"templates":  "locals {\n a = " + strings.Repeat("\"${", n),
		"quotes":     "locals {\n" + strings.Repeat("a = \"\n", n),
		"steps":      "locals {\n a = a" + strings.Repeat(".a", n),
		"keys":       "locals {\n a = a" + strings.Repeat("[\"a\"]", n) + ".",
		"attributes": "instance \"a\" {\n" + strings.Repeat("  a = var.a\n", n),
		"lines":      strings.Repeat("\r", n) + "a",
	} {
		e.show("m.dss.hcl", src)
		text := newText(src)
		for _, offset := range []int{0, len(src) / 2, len(src)} {
			at := lspclient.M{"textDocument": lspclient.M{"uri": e.uri("m.dss.hcl")}, "position": text.position(offset, utf16Units), "newName": "b"}
			for _, method := range []string{"completion", "signatureHelp", "hover", "definition", "references", "rename", "documentSymbol", "formatting"} {
				var refused *jsonrpc2.Error
				if err := e.Call(e.ctx, "textDocument/"+method, at, nil); err != nil && (!errors.As(err, &refused) || refused.Code != codeFailed) {
					t.Fatalf("%s: %s: %v", name, method, err)
				}
			}
		}
	}
	if said := e.log.String(); strings.Contains(said, "inside") {
		t.Error(said)
	}
}
