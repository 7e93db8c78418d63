package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/lspclient"
)

// editing is a dssctl lsp as a process, and its editor.
type editing struct {
	*lspclient.Client
	ctx    context.Context
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

type processPipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p processPipes) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close closes what the process reads; what it writes ends by itself.
func (p processPipes) Close() error { return p.in.Close() }

func startEditing(t *testing.T, dir string) *editing {
	t.Helper()
	e := &editing{}
	e.cmd, e.ctx = command(t, dir, nil, "lsp")
	e.cmd.Stderr = &e.stderr
	in, err := e.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e.Client = lspclient.New(e.ctx, processPipes{out, in})
	if _, err := e.Initialize(e.ctx, lspclient.M{}); err != nil {
		t.Fatal(err)
	}
	return e
}

// wait waits for the end and returns the exit code.
func (e *editing) wait(t *testing.T) int {
	t.Helper()
	err := e.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if e.ctx.Err() != nil {
		t.Fatal("dssctl lsp hangs")
	}
	return e.cmd.ProcessState.ExitCode()
}

// The real schema, a real process: what it says of a file is what validate
// says, formatting is that of fmt, and it ends as it is told.
func TestLSP(t *testing.T) {
	dir := t.TempDir()
	src := "instance \"a\" {\n  data_dir = \"/a\"\n  runtime_database \"postgresql\" {\n    hots = \"pg\"\n  }\n}\n"
	write(t, dir, "main.dss.hcl", src)
	e := startEditing(t, dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	uri := "file://" + filepath.Join(dir, "main.dss.hcl")
	must(e.Open(e.ctx, uri, src))
	p, err := e.Await(e.ctx, uri, lspclient.Version(1))
	must(err)
	said := dssctl(t, dir, nil, "validate").must(t, 1).stderr
	if len(p.Diagnostics) == 0 {
		t.Fatal("nothing is said")
	}
	for _, d := range p.Diagnostics {
		summary, _, _ := strings.Cut(d.Message, ":")
		if !strings.Contains(said, summary) {
			t.Errorf("validate does not say %q but\n%s", d.Message, said)
		}
	}
	good := strings.Replace(src, "hots = \"pg\"", "host=\"pg\"\n    database = \"d\"\n    schema = \"s\"\n    user=\"u\"\n    password = file(\"/nonexistent\")", 1)
	must(e.Write(e.ctx, uri, 2, good))
	if p, err = e.Await(e.ctx, uri, lspclient.Version(2)); err != nil || len(p.Diagnostics) != 0 {
		t.Errorf("of a good file it says %+v, %v", p, err)
	}
	var hover struct{ Contents struct{ Value string } }
	at := lspclient.M{"textDocument": lspclient.M{"uri": uri}, "position": lspclient.Position{Line: 3, Character: 5}}
	must(e.Call(e.ctx, "textDocument/hover", at, &hover))
	if !strings.Contains(hover.Contents.Value, "**host** `string`") {
		t.Errorf("it explains host by %q", hover.Contents.Value)
	}
	var edits []struct{ NewText string }
	must(e.Call(e.ctx, "textDocument/formatting", at, &edits))
	if len(edits) == 0 {
		t.Error("nothing is formatted")
	}
	must(e.Exit(e.ctx))
	if code := e.wait(t); code != 0 || e.stderr.Len() > 0 {
		t.Errorf("it ends with %d and says %s", code, e.stderr.String())
	}
}

// An editor that dies takes its server along.
func TestLSPEndsWithItsEditor(t *testing.T) {
	e := startEditing(t, t.TempDir())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if code := e.wait(t); code != 1 || !strings.Contains(e.stderr.String(), "the client went away") {
		t.Errorf("it ends with %d and says %s", code, e.stderr.String())
	}
	// Without a client at all.
	began := time.Now()
	if o := dssctl(t, t.TempDir(), nil, "lsp"); o.code != 1 || time.Since(began) > time.Minute {
		t.Errorf("without a client: %s", o)
	}
}
