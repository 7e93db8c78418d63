// Command bench measures dssctl as whole processes, beside its peers where they
// are installed, and prints the page docs/benchmarks.md. `make bench` builds what
// it needs and runs it, never as root.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dssctl/dssctl/internal/bench/fleet"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suites in the order of the page. many, a quarter of an hour, runs only when it
// is named.
var suites = []string{"startup", "validate", "plan", "look", "growth", "started", "move", "archive", "backup", "editor"}

const many = "many"

func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	tools := f.String("tools", ".", "`folder` of dssctl, dssctl-answered, measure and the estate of the move")
	rounds := f.Int("rounds", 7, "runs of each command; cheap ones run more often")
	only := f.String("only", strings.Join(suites, ","), "`suites`, separated by commas")
	dataDir := f.String("tree", "", "`folder` of the data directory to archive, made if it is missing and kept; a temporary one otherwise")
	archiveRounds := f.Int("archive-rounds", 1, "runs of each way to archive")
	part := f.Int("tree-part", 1, "only the `n`th part of the data directory, for a quick look")
	if err := f.Parse(args); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		return fmt.Errorf("neither dssctl nor DSS nor PostgreSQL runs as root: use scripts/bench")
	}
	b := &bench{tools: *tools, rounds: *rounds, log: log, terraform: findTerraform(), tree: *dataDir, archiveRounds: *archiveRounds, treePart: *part}
	if b.work, err = os.MkdirTemp("", "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	began := time.Now()
	m := describe(b.work)
	r, err := b.all(ctx, strings.Split(*only, ","))
	if err != nil {
		return err
	}
	b.logf("measured in %s", seconds(time.Since(began)))
	return page{
		Machine: m, Rounds: b.rounds, Results: r,
		Terraform: strings.TrimPrefix(firstLine("terraform", "version"), "Terraform "),
	}.write(out)
}

// all runs the suites.
func (b *bench) all(ctx context.Context, wanted []string) (r results, err error) {
	most := 0
	if slices.Contains(wanted, "plan") || slices.Contains(wanted, "look") || slices.Contains(wanted, "started") {
		most = sizes[0]
	}
	if slices.Contains(wanted, "growth") {
		most = slices.Max(sizes)
	}
	b.logf("making %d data directories", most)
	if err := fleet.DataDirs(b.data(), most); err != nil {
		return r, err
	}
	do := map[string]func() error{
		"startup":  func() (err error) { r.Startup, err = b.startup(); return err },
		"validate": func() (err error) { r.Validate, err = b.validate(); return err },
		"plan":     func() (err error) { r.Plan, err = b.plan(); return err },
		"look":     func() (err error) { r.Look, err = b.look(); return err },
		"growth":   func() (err error) { r.Growth, err = b.growth(); return err },
		"started":  func() (err error) { r.Started, err = b.started(); return err },
		"move":     func() (err error) { r.Move, err = b.move(ctx); return err },
		"archive":  func() (err error) { r.Archive, err = b.archive(); return err },
		"backup":   func() (err error) { r.Backup, err = b.backup(ctx); return err },
		many:       func() (err error) { r.Many, err = b.many(); return err },
		"editor":   func() (err error) { r.Editor, err = b.editor(ctx); return err },
	}
	for _, name := range append(slices.Clone(suites), many) {
		if !slices.Contains(wanted, name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if err := do[name](); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}
