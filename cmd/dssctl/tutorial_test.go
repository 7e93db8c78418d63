package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// TestTutorial runs docs/tutorial.md as it stands: each command of its console
// blocks in order, each file that it shows, and each line of output that it
// promises. What differs from machine to machine (ports, sizes, times, the names
// of runs, the home) is replaced. A comment before a block says more:
//
//	<!-- not run -->      the block is only read
//	<!-- cd: clone -->    the reader is in the clone again
//	<!-- exit: 2 -->      the block's commands end with this code
//	<!-- file: NAME -->   the block is the new content of the file
func TestTutorial(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Fatal("neither DSS nor PostgreSQL runs as root: run the tests with `make test`")
	}
	raw, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	commands := 0
	for _, b := range fencedBlocks(string(raw)) {
		switch name, isFile := strings.CutPrefix(b.note, "file: "); {
		case isFile:
			write(t, r.cwd(), name, r.local(b.text))
		case b.lang == "console" && b.note != "not run":
			for _, c := range consoleCommands(b.text) {
				commands++
				r.follow(c, b)
			}
		}
	}
	if commands < 15 {
		t.Errorf("only %d commands were found in the tutorial", commands)
	}
}

// fenced is a fenced block of a page.
type fenced struct {
	line       int
	lang, note string
	text       string
}

var noteLine = regexp.MustCompile(`^<!-- (.*) -->$`)

func fencedBlocks(page string) []fenced {
	var out []fenced
	var open *fenced
	note := ""
	for i, line := range strings.Split(page, "\n") {
		lang, isFence := strings.CutPrefix(line, "```")
		switch {
		case open == nil && isFence:
			open = &fenced{line: i + 1, lang: lang, note: note}
		case isFence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case noteLine.MatchString(line):
			note = noteLine.FindStringSubmatch(line)[1]
			continue
		}
		note = ""
	}
	return out
}

// promised is a command with the output that the page shows.
type promised struct {
	command string
	shown   []string
}

func consoleCommands(text string) []promised {
	var out []promised
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, promised{command: command})
		} else if n := len(out); n > 0 {
			out[n-1].shown = append(out[n-1].shown, line)
		}
	}
	return out
}

// tutorialReader does what the page says.
type tutorialReader struct {
	t         *testing.T
	home      string
	work      string // where the shell's folder and variables are kept between commands
	dss       *dsskit.Instance
	pg        *dsskit.Postgres
	port      int
	lastRun   string
	dssClosed bool
	pgClosed  bool
}

func newReader(t *testing.T) *tutorialReader {
	t.Helper()
	base := t.TempDir()
	r := &tutorialReader{t: t, home: filepath.Join(base, "home"), work: base}
	if err := os.MkdirAll(r.home, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, base, "cwd", r.home)
	write(t, base, "env", "")
	t.Cleanup(func() {
		if r.dss != nil && !r.dssClosed {
			t.Log(r.dss.Close())
		}
		if r.pg != nil && !r.pgClosed {
			t.Log(r.pg.Close())
		}
	})
	return r
}

func (r *tutorialReader) cwd() string {
	raw, err := os.ReadFile(filepath.Join(r.work, "cwd"))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// local puts this machine's values in the place of the page's.
func (r *tutorialReader) local(s string) string {
	pairs := []string{"/home/dataiku", r.home}
	if r.port != 0 {
		pairs = append(pairs, "23780", strconv.Itoa(r.port))
	}
	if r.pg != nil {
		pairs = append(pairs, "25030", strconv.Itoa(r.pg.Port))
	}
	// At once: one's port here may be the other's on the page.
	return strings.NewReplacer(pairs...).Replace(s)
}

func (r *tutorialReader) follow(c promised, b fenced) {
	r.t.Helper()
	command := c.command
	if r.lastRun != "" {
		command = aRun.ReplaceAllString(command, r.lastRun)
	}
	var out string
	var code int
	if args, ok := strings.CutPrefix(command, "go run ./internal/dsskit/simulate "); ok {
		out = r.simulate(args)
	} else {
		// Nobody answers questions here.
		for _, asks := range []string{"dssctl apply", "dssctl rollback"} {
			if strings.HasPrefix(command, asks) && !strings.HasSuffix(command, ".plan") {
				command += " -auto-approve"
				if asks == "dssctl rollback" {
					command += " -allow data-loss"
				}
			}
		}
		out, code = r.shell(r.local(command))
	}
	want := 0
	if text, ok := strings.CutPrefix(b.note, "exit: "); ok {
		want, _ = strconv.Atoi(text)
	}
	if code != want {
		r.t.Fatalf("docs/tutorial.md:%d: $ %s\nexit %d, expected %d:\n%s", b.line, c.command, code, want, out)
	}
	if runs := startedRun.FindStringSubmatch(out); runs != nil {
		r.lastRun = runs[1]
	}
	rest := normal(out)
	for _, line := range c.shown {
		line, _, _ = strings.Cut(r.local(line), "…")
		line = normal(line)
		if line == "" || strings.Contains(line, `Only "yes"`) || strings.Contains(line, "Undoing it loses") || strings.Contains(line, "rows that DSS has written") {
			continue
		}
		at := strings.Index(rest, line)
		if at < 0 {
			r.t.Fatalf("docs/tutorial.md:%d: $ %s\nthe page shows %q, which is not in the output (or not in this order):\n%s", b.line, c.command, line, out)
		}
		rest = rest[at+len(line):]
	}
}

var (
	aRun       = regexp.MustCompile(`\b\d{8}-\d{6}-[0-9a-f]{4}\b`)
	startedRun = regexp.MustCompile(`(?m)^Run (\d{8}-\d{6}-[0-9a-f]{4}), \d+ actions$`)
	differs    = []struct {
		what *regexp.Regexp
		by   string
	}{
		{aRun, "RUN"},
		{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d\b`), "DATE"},
		{regexp.MustCompile(`\b[\d.]+ (?:[KMG]iB|bytes?)`), "SIZE"},
		{regexp.MustCompile(`\b[\d.]+ (?:min|ms|s)\b(?: \d+ s\b)?`), "TIME"},
		{regexp.MustCompile(`\b\d+ rows\b`), "N rows"},
		// Where a line is broken depends on the widths of all that.
		{regexp.MustCompile(`[\s·]+`), " "},
	}
)

// normal takes out of a text what differs from run to run.
func normal(s string) string {
	for _, d := range differs {
		s = d.what.ReplaceAllString(s, d.by)
	}
	return strings.TrimSpace(s)
}

// shell runs a command where the one before left off.
func (r *tutorialReader) shell(command string) (string, int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", `. ./env; cd "$(cat ./cwd)" || exit 99; `+command+`
code=$?; pwd >"$WORK/cwd"; export -p | grep DSSCTL_VAR >"$WORK/env"; exit $code`)
	cmd.Dir = r.work
	cmd.Env = append(os.Environ(), "HOME="+r.home, "WORK="+r.work, "LC_ALL=C.UTF-8")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.String(), 0
	case ctx.Err() == nil && errors.As(err, &exit):
		return out.String(), exit.ExitCode()
	}
	r.t.Fatalf("$ %s: %v\n%s", command, err, out.String())
	return "", 0
}

// simulate stands in for `go run ./internal/dsskit/simulate`, so that what it
// makes is gone after the test, however that ends.
func (r *tutorialReader) simulate(line string) string {
	r.t.Helper()
	words := strings.Fields(strings.ReplaceAll(line, "~/", r.home+"/"))
	verb := words[0]
	if verb == "postgres" {
		verb, words = verb+" "+words[1], words[1:]
	}
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir, data := flags.String("dir", "", ""), flags.String("data", "", "")
	flags.Bool("start", false, "")
	r.ok(flags.Parse(words[1:]))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch verb {
	case "install":
		port, release, err := dsskit.FreePorts(10)
		r.ok(err)
		r.t.Cleanup(release)
		r.port = port
		archive, kitDir, err := dsskit.Build(ctx, *dir, dsskit.KitOptions{Version: kitVersion, Seed: 1})
		r.ok(err)
		r.dss, err = dsskit.Install(ctx, kitDir, dsskit.InstallOptions{DataDir: *data, Port: port, Seed: 1, RowsPerTable: 200})
		r.ok(err)
		r.ok(r.dss.Start(ctx))
		return fmt.Sprintf("archive=%s\nkit=%s\ndatadir=%s\nport=%d\nurl=%s\napikey=\n", archive, kitDir, r.dss.DataDir, port, r.dss.URL())
	case "kill":
		r.dssClosed = true
		r.ok(r.dss.Close())
	case "postgres start":
		pg, err := dsskit.StartPostgres(ctx, *dir, dsskit.PGOptions{})
		r.ok(err)
		r.pg = pg
		return fmt.Sprintf("host=%s\nport=%d\n", pg.Host, pg.Port)
	case "postgres exec":
		_, sql, _ := strings.Cut(line, `"`)
		_, err := r.pg.Exec(ctx, "postgres", strings.TrimSuffix(sql, `"`))
		r.ok(err)
	case "postgres stop":
		r.pgClosed = true
		r.ok(r.pg.Close())
	default:
		r.t.Fatalf("the tutorial uses simulate %s, which this test does not know", verb)
	}
	return ""
}

func (r *tutorialReader) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
