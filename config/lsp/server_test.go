package lsp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/dssctl/dssctl/internal/lspclient"
)

const good = "instance \"a\" {\n  data_dir = \"/a\"\n}\n"

func version(n int) func(lspclient.Published) bool { return lspclient.Version(n) }

// saying is wanted of a file whether it is open or not.
func saying(words ...string) func(lspclient.Published) bool {
	return func(p lspclient.Published) bool {
		return len(p.Diagnostics) == len(words) && !slices.ContainsFunc(words, func(w string) bool {
			return !slices.ContainsFunc(p.Diagnostics, func(d lspclient.Diagnostic) bool { return strings.Contains(d.Message, w) })
		})
	}
}

// Every file of the estate is spoken of, and what is in the editor counts.
func TestDiagnostics(t *testing.T) {
	e := edit(t)
	e.disk("main.dss.hcl", good)
	e.disk("other.dss.hcl", "instance \"b\" {\n  data_dir = local.where\n}\n")
	e.disk("x.auto.vars.hcl", "# none\n")
	e.show("main.dss.hcl", good)
	e.findings("main.dss.hcl", saying())
	e.findings("x.auto.vars.hcl", saying())
	got := e.findings("other.dss.hcl", saying("There is no local value \"where\""))
	if want := (lspclient.Range{Start: lspclient.Position{Line: 1, Character: 13}, End: lspclient.Position{Line: 1, Character: 24}}); got[0].Range != want || got[0].Severity != 1 {
		t.Errorf("want %v, got %+v", want, got[0])
	}
	// Declared in the editor, not saved.
	e.must(e.Write(e.ctx, e.uri("main.dss.hcl"), 2, good+"locals {\n  where = \"/b\"\n}\n"))
	e.findings("main.dss.hcl", version(2))
	e.findings("other.dss.hcl", saying())
	// A file that exists in the editor only.
	e.show("new.dss.hcl", good)
	e.findings("new.dss.hcl", saying("instance.a is declared already"))
	// Closed without saving: what is on disk counts again.
	for _, name := range []string{"new.dss.hcl", "main.dss.hcl"} {
		e.must(e.Notify(e.ctx, "textDocument/didClose", lspclient.M{"textDocument": lspclient.M{"uri": e.uri(name)}}))
	}
	e.findings("new.dss.hcl", saying())
	e.show("main.dss.hcl", good)
	e.findings("other.dss.hcl", saying("There is no local value \"where\""))
	// Removed from disk: nothing is said of it any more.
	e.must(os.Remove(filepath.Join(e.dir, "other.dss.hcl")))
	e.must(e.Notify(e.ctx, "workspace/didChangeWatchedFiles", lspclient.M{"changes": []lspclient.M{{"uri": e.uri("other.dss.hcl"), "type": 3}}}))
	e.findings("other.dss.hcl", saying())
	// The last one closed: nothing is said at all.
	e.must(e.Write(e.ctx, e.uri("main.dss.hcl"), 2, "x = 1\n"))
	e.findings("main.dss.hcl", saying("There is no attribute \"x\""))
	e.must(e.Notify(e.ctx, "textDocument/didClose", lspclient.M{"textDocument": lspclient.M{"uri": e.uri("main.dss.hcl")}}))
	e.findings("main.dss.hcl", saying())
	if !slices.Contains(e.Asked(), "client/registerCapability") {
		t.Error("the client is not asked to watch files")
	}
}

// What is wrong in a module is shown at its call, and by itself in its own
// files. What is in the editor counts for both.
func TestModules(t *testing.T) {
	e := edit(t)
	e.must(os.Mkdir(filepath.Join(e.dir, "node"), 0o755))
	e.disk("node/node.dss.hcl", "variable \"port\" {}\ninstance \"n\" {\n  data_dir = \"/n\"\n  port     = var.port\n}\noutput \"port\" {\n  value = instance.n.port\n}\n")
	src := "module \"m\" {\n  source = \"./node\"\n  port   = 11200\n}\noutput \"o\" {\n  value = module.m.prot\n}\n"
	e.show("main.dss.hcl", src)
	e.findings("main.dss.hcl", saying(`There is no output "prot" in module.m. Did you mean "port"`))
	bad := strings.Replace(strings.Replace(src, "11200", "80", 1), "prot", "port", 1)
	e.must(e.Write(e.ctx, e.uri("main.dss.hcl"), 2, bad))
	got := e.findings("main.dss.hcl", func(p lspclient.Published) bool { return version(2)(p) && saying("Found for module.m, called at")(p) })
	if got[0].Range.Start.Line != 0 || got[0].Range.End.Character != 10 {
		t.Errorf("%+v", got)
	}
	e.show("node/node.dss.hcl", "variable \"port\" {}\ninstance \"n\" {\n  data_dir = \"n\"\n  port     = var.port\n}\n")
	e.findings("node/node.dss.hcl", saying("data_dir must be an absolute path"))
	e.findings("main.dss.hcl", saying("data_dir must be an absolute path", "port must be a whole number", `no output "port"`))
}

// A folder that does not exist yet, files of another kind, and files in JSON.
func TestOtherFiles(t *testing.T) {
	e := edit(t)
	e.show("new/a.dss.hcl", good+"y = 2\n")
	e.findings("new/a.dss.hcl", saying("no attribute \"y\""))
	e.show("prod.vars.hcl", "a = [\n")
	e.findings("prod.vars.hcl", func(p lspclient.Published) bool { return len(p.Diagnostics) > 0 })
	e.show("b.dss.hcl.json", `{"instance": {"j": {"data_dir": "no"}}}`)
	e.findings("b.dss.hcl.json", saying("must be an absolute path"))
	for _, method := range []string{"completion", "hover", "definition", "references", "documentSymbol", "formatting", "signatureHelp"} {
		e.must(e.Call(e.ctx, "textDocument/"+method, lspclient.M{"textDocument": lspclient.M{"uri": e.uri("b.dss.hcl.json")}, "position": position{0, 20}}, nil))
	}
	// What is not ours is left alone.
	for _, uri := range []string{"untitled:Untitled-1", e.uri("main.hcl"), e.uri("main.tf")} {
		e.must(e.Open(e.ctx, uri, "a   = \n"))
		for _, method := range []string{"completion", "hover", "formatting"} {
			var got json.RawMessage
			e.must(e.Call(e.ctx, "textDocument/"+method, lspclient.M{"textDocument": lspclient.M{"uri": uri}}, &got))
			if s := string(got); s != "null" && s != "[]" && s != `{"isIncomplete":false,"items":[]}` {
				t.Errorf("%s in %s is answered by %s", method, uri, s)
			}
		}
	}
	if p, err := e.Await(e.ctx, e.uri("b.dss.hcl.json"), saying("must be an absolute path")); err != nil || len(p.Diagnostics) != 1 {
		t.Error(p, err)
	}
}

// Places are counted as the client counts.
func TestPositionEncodings(t *testing.T) {
	src := "locals {\n  𝒳é = \"𝒳é\" + nope\n}\n"
	for want, encodings := range map[int][]string{16: {"utf-16"}, 22: {"utf-16", "utf-8"}} {
		e := edit(t, encodings...)
		e.show("m.dss.hcl", src)
		got := e.findings("m.dss.hcl", version(1))
		i := slices.IndexFunc(got, func(d lspclient.Diagnostic) bool { return strings.Contains(d.Message, "nope") })
		if i < 0 || got[i].Range.Start != (lspclient.Position{Line: 1, Character: want}) {
			t.Errorf("%v: want character %d, got %+v", encodings, want, got)
		}
		// An edit behind the letters.
		at := lspclient.Position{Line: 1, Character: want}
		e.must(e.Replace(e.ctx, e.uri("m.dss.hcl"), 2, lspclient.Range{Start: at, End: lspclient.Position{Line: 1, Character: want + 4}}, "much"))
		got = e.findings("m.dss.hcl", version(2))
		if !slices.ContainsFunc(got, func(d lspclient.Diagnostic) bool { return strings.Contains(d.Message, `"much"`) }) {
			t.Errorf("%v: the edit went elsewhere: %+v", encodings, got)
		}
	}
}

// While a file is written no command runs, no file is read, and no secret is
// said.
func TestNothingRunsAndNothingTells(t *testing.T) {
	e := edit(t)
	mark := filepath.Join(e.dir, "ran")
	e.disk("secret.txt", "s3cr3t-in-a-file")
	src := fmt.Sprintf(`variable "pw" {
  sensitive = true
  default   = "s3cr3t-default"
  validation {
    condition     = var.pw == "other"
    error_message = "Not ${var.pw}."
  }
}
locals {
  ran = secret_command(["touch", %q])
  was = file("secret.txt")
  set = env("HOME")
  bad = parseint(var.pw, 10)
}
instance "a" {
  data_dir = "/a/${local.was}"
  api_key  = "s3cr3t-literal"
  port     = "s3cr3t-port"
}
`, mark)
	e.show("m.dss.hcl", src)
	for _, d := range e.findings("m.dss.hcl", version(1)) {
		if strings.Contains(d.Message, "s3cr3t-d") || strings.Contains(d.Message, "s3cr3t-l") {
			t.Errorf("a secret is said: %s", d.Message)
		}
	}
	text := newText(src)
	for offset := range len(src) {
		for _, method := range []string{"hover", "completion"} {
			var got json.RawMessage
			e.must(e.Call(e.ctx, "textDocument/"+method, lspclient.M{
				"textDocument": lspclient.M{"uri": e.uri("m.dss.hcl")}, "position": text.position(offset, utf16Units),
			}, &got))
			if strings.Contains(string(got), "s3cr3t") {
				t.Fatalf("%s at byte %d tells a secret: %s", method, offset, got)
			}
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a command ran")
	}
}

func TestLifeCycle(t *testing.T) {
	e, pipe := serve(t)
	e.Client = lspclient.New(e.ctx, pipe)
	defer e.Close()
	code := func(err error) int64 {
		var e *jsonrpc2.Error
		if !errors.As(err, &e) {
			t.Fatalf("want an error of the protocol, got %v", err)
		}
		return e.Code
	}
	hover := lspclient.M{"textDocument": lspclient.M{"uri": "file:///x"}, "position": position{}}
	if got := code(e.Call(e.ctx, "textDocument/hover", hover, nil)); got != codeNotInitialized {
		t.Errorf("before initialize: %d", got)
	}
	if _, err := e.Initialize(e.ctx, lspclient.M{}); err != nil {
		t.Fatal(err)
	}
	if got := code(e.Call(e.ctx, "initialize", lspclient.M{}, nil)); got != jsonrpc2.CodeInvalidRequest {
		t.Errorf("initialize twice: %d", got)
	}
	if got := code(e.Call(e.ctx, "textDocument/unheardOf", lspclient.M{}, nil)); got != jsonrpc2.CodeMethodNotFound {
		t.Errorf("an unknown method: %d", got)
	}
	if got := code(e.Call(e.ctx, "textDocument/hover", hover, nil)); got != jsonrpc2.CodeInvalidParams {
		t.Errorf("a document that is not open: %d", got)
	}
	if got := code(e.Call(e.ctx, "textDocument/hover", []int{1}, nil)); got != jsonrpc2.CodeInvalidParams {
		t.Errorf("parameters of another form: %d", got)
	}
	e.must(e.Notify(e.ctx, "$/unheardOf", lspclient.M{}))
	e.must(e.Notify(e.ctx, "$/cancelRequest", lspclient.M{"id": 4711}))
	e.must(e.Notify(e.ctx, "textDocument/didChange", lspclient.M{"textDocument": 1}))
	e.must(e.Call(e.ctx, "shutdown", nil, nil))
	if got := code(e.Call(e.ctx, "textDocument/hover", hover, nil)); got != jsonrpc2.CodeInvalidRequest {
		t.Errorf("behind shutdown: %d", got)
	}
	e.must(e.Notify(e.ctx, "exit", nil))
	if err := <-e.done; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// A client may send all at once, and be gone: what it asked is answered.
func TestAllAtOnce(t *testing.T) {
	for name, exit := range map[string]string{"exit": frame(`{"jsonrpc":"2.0","method":"exit"}`), "end of input": ""} {
		t.Run(name, func(t *testing.T) {
			e, pipe := serve(t)
			go func() {
				_, _ = io.WriteString(pipe, frame(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`)+
					frame(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///nonexistent/m.dss.hcl","version":1,"text":"instance \"a\" {}\n"}}}`)+
					frame(`{"jsonrpc":"2.0","id":2,"method":"textDocument/documentSymbol","params":{"textDocument":{"uri":"file:///nonexistent/m.dss.hcl"}}}`)+
					frame(`{"jsonrpc":"2.0","id":3,"method":"shutdown"}`)+exit)
				pipe.Close()
			}()
			said, err := io.ReadAll(pipe)
			e.must(err)
			rest := string(said)
			for _, want := range []string{`"definitionProvider":`, `"name":"instance a"`, `"result":null`} {
				var found bool
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("%s is not in the answers, or out of order: %s", want, said)
				}
			}
			if strings.Contains(string(said), `"error"`) {
				t.Errorf("an error is among the answers: %s", said)
			}
			if err := <-e.done; (err == nil) != (exit != "") {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		send, want string
	}{
		"the client goes away":       {"", "the client went away"},
		"in the middle of a message": {"Content-Length: 100\r\n\r\n{\"a\"", "the client went away"},
		"exit without shutdown":      {frame(`{"jsonrpc":"2.0","method":"exit"}`), "exit without shutdown"},
		"no header":                  {"{\"jsonrpc\":\"2.0\"}\n\n", "no Content-Length"},
		"a length that is none":      {"Content-Length: many\r\n\r\n", "must be a number"},
		"a negative length":          {"Content-Length: -1\r\n\r\n", "must be a number"},
		"a huge message":             {"Content-Length: 99999999999\r\n\r\n", "must be a number"},
		"a header without an end":    {strings.Repeat("x", 10000), "more than 4096 bytes"},
		"many headers":               {strings.Repeat("X: y\r\n", 2000), "more than 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			e, pipe := serve(t)
			go func() { _, _ = io.Copy(io.Discard, pipe) }()
			_, _ = io.WriteString(pipe, c.send) // the server may be gone before it has read all
			if strings.Contains(c.want, "went away") {
				pipe.Close()
			}
			if err := <-e.done; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it ends with %v, want %q", err, c.want)
			}
		})
	}
}

func frame(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }

// What is no JSON is answered, and the next message is read.
func TestMalformed(t *testing.T) {
	e, pipe := serve(t)
	answers := json.NewDecoder(io.Reader(bodies{pipe}))
	for _, bad := range []string{`{`, `nonsense`, `[]`, `{"jsonrpc":"2.0"}`, `{"method":1,"id":1}`, `{"id":{},"method":"x"}`, ``, strings.Repeat("[", 100000)} {
		go func() { _, _ = io.WriteString(pipe, frame(bad)) }()
		var got struct{ Error struct{ Code int } }
		if err := answers.Decode(&got); err != nil || got.Error.Code != jsonrpc2.CodeParseError {
			t.Fatalf("%.20q is answered with %+v, %v", bad, got, err)
		}
	}
	go func() {
		_, _ = io.WriteString(pipe, frame(`{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}`))
	}()
	var got struct {
		ID     int
		Result struct {
			Capabilities struct{ PositionEncoding string }
		}
	}
	if err := answers.Decode(&got); err != nil || got.ID != 7 || got.Result.Capabilities.PositionEncoding != "utf-16" {
		t.Errorf("initialize is answered with %+v, %v", got, err)
	}
	pipe.Close()
	if err := <-e.done; !errors.Is(err, errGone) {
		t.Error(err)
	}
}

// bodies are the bodies of framed messages, one behind the other.
type bodies struct{ r io.Reader }

func (b bodies) Read(p []byte) (int, error) {
	header := make([]byte, 0, 64)
	for !strings.HasSuffix(string(header), "\r\n\r\n") {
		var c [1]byte
		n, err := b.r.Read(c[:])
		if err != nil {
			return 0, err
		}
		if header = append(header, c[:n]...); len(header) > 1 && header[0] != 'C' {
			return 0, errors.New("no header")
		}
	}
	var n int
	if _, err := fmt.Sscanf(string(header), "Content-Length: %d", &n); err != nil || n > len(p) {
		return 0, fmt.Errorf("%q does not fit: %w", header, err)
	}
	return io.ReadFull(b.r, p[:n])
}

// A request that the client gives up is answered once, done or cancelled.
func TestCancel(t *testing.T) {
	e := edit(t)
	e.disk("m.dss.hcl", good)
	e.show("m.dss.hcl", good)
	e.findings("m.dss.hcl", version(1))
	for i := range 50 {
		id := jsonrpc2.ID{Num: uint64(1000 + i)}
		done := make(chan error, 1)
		go func() {
			done <- e.CallAs(e.ctx, id, "textDocument/formatting", lspclient.M{"textDocument": lspclient.M{"uri": e.uri("m.dss.hcl")}})
		}()
		e.must(e.Notify(e.ctx, "$/cancelRequest", lspclient.M{"id": id.Num}))
		err := <-done
		var refused *jsonrpc2.Error
		if err != nil && (!errors.As(err, &refused) || refused.Code != codeCancelled) {
			t.Fatal(err)
		}
	}
}
