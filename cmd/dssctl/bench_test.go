package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dssctl/dssctl/internal/bench/fleet"
	"github.com/dssctl/dssctl/internal/proc"
)

// answered is what DSSCTL_TEST_RUN says for a dssctl whose question for the
// status of DSS is answered from memory: `make bench` plans a thousand instances
// with it. Everything else is real.
const answered = "answered"

// testedWorld is the world that DSSCTL_TEST_RUN asks for.
func testedWorld(spec string) *world {
	w := testWorld()
	if spec != answered {
		return w
	}
	collectLess(w.getenv)
	w.runner = answeringRunner{w.runner}
	return w
}

// answeringRunner starts no process for `bin/dss status`: DSS runs.
type answeringRunner struct{ proc.Runner }

func (r answeringRunner) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	if filepath.Base(c.Path) == "dss" && len(c.Args) == 1 && c.Args[0] == "status" {
		return proc.Result{Stdout: []byte(fleet.Status)}, nil
	}
	return r.Runner.Run(ctx, c)
}

// benchEstate makes data directories and an estate that declares them as they
// are, and returns the world to run dssctl there.
func benchEstate(b *testing.B, n int, s fleet.Shape) *world {
	b.Helper()
	root := b.TempDir()
	data, dir := filepath.Join(root, "data"), filepath.Join(root, "estate")
	if err := fleet.DataDirs(data, n); err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.dss.hcl"), []byte(fleet.Estate(data, n, s)), 0o600); err != nil {
		b.Fatal(err)
	}
	w := testedWorld(answered)
	w.chdir, w.out, w.err = dir, io.Discard, io.Discard
	if os.Getuid() == 0 {
		// dssctl refuses to be root: another account is played.
		w.uid = func() int { return 65534 }
		for i := range n {
			if err := os.Chown(fleet.Dir(data, i), 65534, 65534); err != nil {
				b.Fatal(err)
			}
		}
	}
	return w
}

func BenchmarkCommands(b *testing.B) {
	for _, s := range fleet.Shapes() {
		for _, command := range []string{"validate", "plan"} {
			for _, n := range []int{1000, 2000} {
				b.Run(fmt.Sprintf("%s/%s/%d", command, s, n), func(b *testing.B) {
					w := benchEstate(b, n, s)
					args := []string{"-chdir", w.chdir, command}
					if command == "plan" {
						args = append(args, "-detailed-exitcode")
					}
					b.ReportAllocs()
					for b.Loop() {
						if code := run(w, args); code != 0 {
							w.out, w.err = os.Stdout, os.Stderr
							run(w, args)
							b.Fatalf("%v ends with %d", args, code)
						}
					}
				})
			}
		}
	}
}
