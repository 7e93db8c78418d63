package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// move is what the main job takes: the runtime databases of a simulated DSS go
// from H2 to PostgreSQL.
type move struct {
	Wall   time.Duration // from the start of dssctl to its end
	Inside time.Duration // in DSS's own commands, or waiting until DSS is ready
	Own    time.Duration // the rest
	Worst  time.Duration // the largest Own of all rounds
	// Queries is the part of Own in the actions that ask PostgreSQL.
	Queries time.Duration
	Actions []moved
	Rounds  int
}

// moved is one action of it.
type moved struct {
	Title     string
	Kind      string
	Wall, Own time.Duration
}

// asks are the kinds whose time goes into questions to PostgreSQL.
var asks = []string{"runtimedb.schema", "runtimedb.rehearse", "runtimedb.verify", "runtimedb.inuse"}

// lab is what the move is made on.
type lab struct {
	b     *bench
	pg    *dsskit.Postgres
	dss   *dsskit.Instance
	dir   string // of the estate
	shims string // the log of DSS's commands
	env   []string
}

const password = "bench-only"

// newLab installs a DSS, starts it, and a PostgreSQL beside it.
func (b *bench) newLab(ctx context.Context) (_ *lab, err error) {
	l := &lab{b: b, dir: filepath.Join(b.work, "move"), shims: filepath.Join(b.work, "commands.log")}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.pg, err = dsskit.StartPostgres(ctx, filepath.Join(b.work, "pg"), dsskit.PGOptions{}); err != nil {
		return nil, err
	}
	if err = errors.Join(l.pg.CreateRole(ctx, "dss", password), l.pg.CreateDatabase(ctx, "dss", "dss")); err != nil {
		return nil, err
	}
	_, kit, err := dsskit.Build(ctx, filepath.Join(b.work, "kit"), dsskit.KitOptions{Version: "14.4.1", Seed: 7})
	if err != nil {
		return nil, err
	}
	port, release, err := dsskit.FreePorts(10)
	if err != nil {
		return nil, err
	}
	defer release()
	l.dss, err = dsskit.Install(ctx, kit, dsskit.InstallOptions{
		DataDir: filepath.Join(b.work, "dss"), Port: port, Seed: 7, RowsPerTable: 2000,
	})
	if err != nil {
		return nil, err
	}
	if err := l.wrap("dss", "dssadmin"); err != nil {
		return nil, err
	}
	if err := os.CopyFS(l.dir, os.DirFS(b.tool("estate"))); err != nil {
		return nil, err
	}
	vars := fmt.Sprintf("data_dir = %q\npg_host  = \"127.0.0.1\"\npg_port  = %d\n", l.dss.DataDir, l.pg.Port)
	if err := os.WriteFile(filepath.Join(l.dir, "bench.auto.vars.hcl"), []byte(vars), 0o600); err != nil {
		return nil, err
	}
	l.env = append(environ(), "DSSCTL_VAR_pg_password="+password)
	return l, l.dss.Start(ctx)
}

func (l *lab) close() error {
	var errs []error
	if l.dss != nil {
		errs = append(errs, l.dss.Close())
	}
	if l.pg != nil {
		errs = append(errs, l.pg.Close())
	}
	return errors.Join(errs...)
}

// wrap puts a script in the place of DSS's commands, which notes when the real
// one began and ended.
func (l *lab) wrap(names ...string) error {
	for _, name := range names {
		path := filepath.Join(l.dss.DataDir, "bin", name)
		kept := path + ".timed"
		if err := os.Rename(path, kept); err != nil {
			return err
		}
		script := fmt.Sprintf("#!/usr/bin/env bash\nbegan=$EPOCHREALTIME\n'%s' \"$@\"\ncode=$?\necho \"$began $EPOCHREALTIME %s ${1:-}\" >>'%s'\nexit $code\n", kept, name, l.shims)
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) dssctl(args ...string) *exec.Cmd {
	cmd := exec.Command(l.b.tool("dssctl"), args...)
	cmd.Dir, cmd.Env = l.dir, l.env
	return cmd
}

// move makes the move several times, and rolls it back each time.
func (b *bench) move(ctx context.Context) (_ *move, err error) {
	b.logf("the move")
	l, err := b.newLab(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	var all []*move
	for i := range b.rounds + 1 {
		m, run, err := l.once(ctx)
		if err != nil {
			return nil, err
		}
		b.logf("  %-28s %10s  in DSS %10s  own %10s", fmt.Sprintf("round %d", i), seconds(m.Wall), seconds(m.Inside), seconds(m.Own))
		if i > 0 { // the first one warms up
			all = append(all, m)
		}
		if out, err := l.dssctl("plan", "-detailed-exitcode").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the plan after the move: %w\n%s", err, out)
		}
		if out, err := l.dssctl("rollback", run, "-auto-approve", "-allow", "data-loss").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("roll back %s: %w\n%s", run, err, out)
		}
	}
	return typical(all), nil
}

// once makes the move; it returns the run's id as well.
func (l *lab) once(ctx context.Context) (*move, string, error) {
	if err := os.Remove(l.shims); err != nil && !os.IsNotExist(err) {
		return nil, "", err
	}
	watched, stop := context.WithCancel(ctx)
	ready := watchReady(watched, l.dss.URL()+"/dip/api/get-configuration")
	cmd := l.dssctl("apply", "-auto-approve", "-json")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	began := time.Now()
	err := cmd.Run()
	whole := span{began, time.Now()}
	stop()
	if err != nil {
		return nil, "", fmt.Errorf("apply: %w\n%s%s", err, problem.String(), out.String())
	}
	inside, err := l.inside(<-ready)
	if err != nil {
		return nil, "", err
	}
	actions, run, err := readStream(&out)
	if err != nil {
		return nil, "", err
	}
	m := &move{Wall: whole.length(), Inside: overlap(whole, inside), Rounds: 1}
	m.Own = m.Wall - m.Inside
	rest := span{whole.from, whole.from}
	if len(actions) > 0 {
		rest.to = actions[0].from
	}
	m.Actions = append(m.Actions, moved{Title: "load, observe, plan", Wall: rest.length(), Own: rest.length() - overlap(rest, inside)})
	for _, a := range actions {
		a.Wall = a.length()
		a.Own = a.Wall - overlap(a.span, inside)
		if slices.Contains(asks, a.Kind) {
			m.Queries += a.Own
		}
		m.Actions = append(m.Actions, a.moved)
	}
	return m, run, nil
}

// inside are the times in DSS's own commands, and from the end of a start until
// DSS answered.
func (l *lab) inside(ready []time.Time) ([]span, error) {
	f, err := os.Open(l.shims)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []span
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			return nil, fmt.Errorf("a line of %s is %q", l.shims, lines.Text())
		}
		from, ferr := epoch(words[0])
		to, terr := epoch(words[1])
		if err := errors.Join(ferr, terr); err != nil {
			return nil, err
		}
		out = append(out, span{from, to})
		if words[2] == "dss" && len(words) > 3 && words[3] == "start" {
			at := slices.IndexFunc(ready, func(t time.Time) bool { return t.After(from) })
			if at < 0 {
				return nil, errors.New("DSS was started and never seen to be ready")
			}
			if ready[at].After(to) {
				out = append(out, span{to, ready[at]})
			}
		}
	}
	return out, lines.Err()
}

// timedAction is an action with the time that it took.
type timedAction struct {
	moved
	span
}

// readStream reads what `apply -json` printed.
func readStream(out *bytes.Buffer) (actions []timedAction, run string, err error) {
	kinds := map[string]string{}
	open := map[string]time.Time{}
	for _, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		var line struct {
			Time   time.Time `json:"@timestamp"`
			Type   string    `json:"type"`
			Run    string    `json:"run"`
			Action struct {
				ID   string `json:"id"`
				Kind string `json:"kind"`
			} `json:"action"`
			Hook struct {
				Action string `json:"action_id"`
				Title  string `json:"title"`
			} `json:"hook"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, "", fmt.Errorf("a line of `apply -json` is %q: %w", text, err)
		}
		if line.Run != "" {
			run = line.Run
		}
		switch line.Type {
		case "planned_action":
			kinds[line.Action.ID] = line.Action.Kind
		case "apply_start":
			open[line.Hook.Action] = line.Time
		case "apply_complete":
			actions = append(actions, timedAction{
				moved{Title: line.Hook.Title, Kind: kinds[line.Hook.Action]},
				span{open[line.Hook.Action], line.Time},
			})
		}
	}
	if run == "" || len(actions) == 0 {
		return nil, "", fmt.Errorf("`apply -json` tells of no run:\n%s", out)
	}
	return actions, run, nil
}

// typical takes the medians.
func typical(all []*move) *move {
	out := &move{Rounds: len(all)}
	pick := func(f func(*move) time.Duration) time.Duration {
		var ds []time.Duration
		for _, m := range all {
			ds = append(ds, f(m))
		}
		return median(ds)
	}
	out.Wall = pick(func(m *move) time.Duration { return m.Wall })
	out.Inside = pick(func(m *move) time.Duration { return m.Inside })
	out.Own = pick(func(m *move) time.Duration { return m.Own })
	out.Queries = pick(func(m *move) time.Duration { return m.Queries })
	for _, m := range all {
		out.Worst = max(out.Worst, m.Own)
	}
	for i, a := range all[0].Actions {
		a.Wall = pick(func(m *move) time.Duration { return m.Actions[i].Wall })
		a.Own = pick(func(m *move) time.Duration { return m.Actions[i].Own })
		out.Actions = append(out.Actions, a)
	}
	return out
}
