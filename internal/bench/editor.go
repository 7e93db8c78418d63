package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/bench/fleet"
	"github.com/dssctl/dssctl/internal/bench/measure/timing"
	"github.com/dssctl/dssctl/internal/lspclient"
)

// edited is what an editor waits for, in an estate of one file.
type edited struct {
	// Change is from a change to its diagnostics.
	Change figure
	// Complete is from a question for completion, asked right behind a change,
	// to the answer.
	Complete figure
	RSS      int64 // of the server, at its highest
}

// editor types into the middle of an estate of 1000 instances, in each shape.
func (b *bench) editor(ctx context.Context) (map[fleet.Shape]edited, error) {
	out := map[fleet.Shape]edited{}
	for _, s := range fleet.Shapes() {
		b.logf("editor, %s", s)
		dir, err := b.estate(sizes[0], s)
		if err != nil {
			return nil, err
		}
		if out[s], err = b.edit(ctx, dir); err != nil {
			return nil, err
		}
		b.logf("  change %s, completion %s, %s", seconds(out[s].Change.Wall), seconds(out[s].Complete.Wall), mebibytes(out[s].RSS))
	}
	return out, nil
}

// serverPipes are the standard streams of a server.
type serverPipes struct {
	io.Reader
	io.WriteCloser
}

func (b *bench) edit(ctx context.Context, dir string) (e edited, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.tool("dssctl"), "lsp")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, environ(), b.log
	in, err := cmd.StdinPipe()
	if err != nil {
		return e, err
	}
	served, err := cmd.StdoutPipe()
	if err != nil {
		return e, err
	}
	if err := cmd.Start(); err != nil {
		return e, err
	}
	c := lspclient.New(ctx, serverPipes{served, in})
	err = b.types(ctx, c, filepath.Join(dir, "main.dss.hcl"), &e)
	if err == nil {
		e.RSS, err = highest(cmd.Process.Pid)
	}
	// Also after a mistake the process must end.
	return e, errors.Join(err, c.Exit(ctx), cmd.Wait())
}

// types makes and undoes a mistake in the middle of the file.
func (b *bench) types(ctx context.Context, c *lspclient.Client, path string, e *edited) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, _, ok := strings.Cut(string(src[len(src)/2:]), "maxRunningActivities")
	if !ok { // one block: it is in the first half
		before, _, _ = strings.Cut(string(src), "maxRunningActivities")
	} else {
		before = string(src[:len(src)/2]) + before
	}
	place := lspclient.Position{Line: strings.Count(before, "\n") - 1}
	place.Character = 2 // general_settings stands there
	uri := "file://" + path
	if _, err := c.Initialize(ctx, lspclient.M{}); err != nil {
		return err
	}
	if err := c.Open(ctx, uri, string(src)); err != nil {
		return err
	}
	if _, err := c.Await(ctx, uri, lspclient.Version(1)); err != nil {
		return err
	}
	version := 1
	change := func() error {
		version++
		at, text := lspclient.Range{Start: place, End: place}, "x"
		if version%2 == 1 {
			at.End.Character++
			text = ""
		}
		return c.Replace(ctx, uri, version, at, text)
	}
	found := func() error {
		p, err := c.Await(ctx, uri, lspclient.Version(version))
		if err == nil && (len(p.Diagnostics) > 0) != (version%2 == 0) {
			err = fmt.Errorf("version %d has %d diagnostics", version, len(p.Diagnostics))
		}
		return err
	}
	var changes, completions []timing.Sample
	for i := range 10 * b.rounds {
		began := time.Now()
		if err := errors.Join(change(), found()); err != nil {
			return err
		}
		if i > 1 { // the first warm up
			changes = append(changes, timing.Sample{Wall: time.Since(began)})
		}
	}
	for i := range 10 * b.rounds {
		if err := change(); err != nil {
			return err
		}
		began := time.Now()
		var list struct{ Items []any }
		if err := c.Call(ctx, "textDocument/completion", lspclient.M{"textDocument": lspclient.M{"uri": uri}, "position": place}, &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return errors.New("nothing is offered")
		}
		if i > 1 {
			completions = append(completions, timing.Sample{Wall: time.Since(began)})
		}
		if err := found(); err != nil {
			return err
		}
	}
	e.Change, e.Complete = figureOf(changes), figureOf(completions)
	return nil
}

// highest is the peak resident size of a process that runs.
func highest(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest + " ?")[0], 10, 64)
	return kib << 10, err
}
