package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

// bench is one run of the benchmarks.
type bench struct {
	tools  string // folder of dssctl, dssctl-answered and measure
	work   string
	rounds int
	log    io.Writer
	// terraform is the peer's path; "" where it is not installed.
	terraform string
	// tree is the data directory of the archives, made where it is not there, and
	// archiveRounds how often each way to archive it is run.
	tree          string
	archiveRounds int
	treePart      int // a share of it, for a quick look
}

func (b *bench) logf(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

func (b *bench) tool(name string) string { return filepath.Join(b.tools, name) }

// environ is what every timed command gets: nothing of the caller's.
func environ() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "LC_ALL=C.UTF-8"}
}

// dssctl is a job of the program that is installed.
func (b *bench) dssctl(name, dir string, args ...string) timing.Job {
	return timing.Job{Name: name, Argv: append([]string{b.tool("dssctl")}, args...), Dir: dir, Env: environ()}
}

// answered is one of the program to which `bin/dss status` is answered from
// memory.
func (b *bench) answered(name, dir string, args ...string) timing.Job {
	j := b.dssctl(name, dir, args...)
	j.Argv[0] = b.tool("dssctl-answered")
	j.Env = append(j.Env, "DSSCTL_TEST_RUN=answered")
	return j
}

// measure times jobs in turn.
func (b *bench) measure(rounds int, jobs ...timing.Job) (map[string]figure, error) {
	return b.request(timing.Request{Rounds: rounds, Jobs: jobs})
}

func (b *bench) request(r timing.Request) (map[string]figure, error) {
	req, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b.tool("measure"))
	cmd.Stdin = bytes.NewReader(req)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, errors.New(strings.TrimSpace(problem.String()))
	}
	var report timing.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return nil, fmt.Errorf("read what measure printed: %w", err)
	}
	figures := map[string]figure{}
	for name, samples := range report {
		figures[name] = figureOf(samples)
		f := figures[name]
		b.logf("  %-28s %10s  cpu %10s  %8s", name, seconds(f.Wall), seconds(f.CPU), mebibytes(f.RSS))
	}
	return figures, nil
}

// do runs a command that is not timed.
func (b *bench) do(j timing.Job) (string, error) {
	cmd := exec.Command(j.Argv[0], j.Argv[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(j.Argv, " "), err, out)
	}
	return string(out), nil
}

// folder makes a folder with these files.
func (b *bench) folder(name string, files map[string]string) (string, error) {
	dir := filepath.Join(b.work, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}
