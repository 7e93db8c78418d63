package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/state"
)

// crashingWorld is the real one with a point where it kills itself, by SIGKILL:
//
//	record N     behind the N-th journal record, counted from 1
//	before N     ahead of it
//	command N    half-way through the N-th command of DSS that a run starts,
//	             which then goes on alone
//	behind N     when that command has ended
//
// An empty spec has no such point.
func crashingWorld(spec string) *world {
	w := testWorld()
	if spec == "" {
		return w
	}
	c := &crashPoint{}
	if _, err := fmt.Sscanf(spec, "%s %d", &c.kind, &c.at); err != nil {
		panic(err)
	}
	open := w.openStore
	w.openStore = func(dir string, cl clock.Clock) (state.Store, error) {
		s, err := open(dir, cl)
		return crashingStore{s, c}, err
	}
	w.runner = crashingRunner{w.runner, c}
	return w
}

type crashPoint struct {
	mu   sync.Mutex
	kind string
	at   int
	n    map[string]int
	runs bool // a journal is open
}

// pass counts a point of this kind and says whether it is the one.
func (c *crashPoint) pass(kind string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[kind]++
	return kind == c.kind && c.n[kind] == c.at
}

func die() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {}
}

type crashingStore struct {
	state.Store
	c *crashPoint
}

func (s crashingStore) CreateRun(ctx context.Context, r state.Run, p []byte) (state.Journal, error) {
	j, err := s.Store.CreateRun(ctx, r, p)
	s.c.runs = true
	return crashingJournal{j, s.c}, err
}

func (s crashingStore) OpenRun(ctx context.Context, id string) (state.Journal, error) {
	j, err := s.Store.OpenRun(ctx, id)
	s.c.runs = true
	return crashingJournal{j, s.c}, err
}

type crashingJournal struct {
	state.Journal
	c *crashPoint
}

func (j crashingJournal) Append(ctx context.Context, r state.Record) error {
	if j.c.pass("before") {
		die()
	}
	err := j.Journal.Append(ctx, r)
	if j.c.pass("record") {
		die()
	}
	return err
}

type crashingRunner struct {
	proc.Runner
	c *crashPoint
}

func (r crashingRunner) Run(ctx context.Context, cmd proc.Cmd) (proc.Result, error) {
	// Only what changes something counts: not the questions for the status.
	if !r.c.runs || strings.Contains(strings.Join(cmd.Args, " "), "status") {
		return r.Runner.Run(ctx, cmd)
	}
	if r.c.pass("command") {
		started := cmd.Started
		cmd.Started = func(p proc.Process) {
			started(p)
			go func() {
				time.Sleep(250 * time.Millisecond)
				die()
			}()
		}
	}
	res, err := r.Runner.Run(ctx, cmd)
	if r.c.pass("behind") {
		die()
	}
	return res, err
}
