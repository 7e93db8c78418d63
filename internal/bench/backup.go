package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/internal/bench/tree"
	"github.com/dssctl/dssctl/internal/dsskit"
)

// backups are what a set by restic takes beside restic alone, of one data
// directory of a simulated DSS.
type backups struct {
	Files int
	// First and Same are restic alone: the first snapshot, and one more of the
	// same data.
	First, Same time.Duration
	// Warm and Saved are ours, in the first set and in a later one: the pass while
	// DSS runs, and the one while it is stopped.
	Warm, Saved           time.Duration
	WarmAgain, SavedAgain time.Duration
	// Down is how long DSS was down for the first set, from the begin of its
	// stop to the end of its start.
	Down time.Duration
}

const resticPassword = "bench-only"

// backup measures sets by restic.
func (b *bench) backup(ctx context.Context) (_ *backups, err error) {
	b.logf("backups by restic")
	if _, err := exec.LookPath("restic"); err != nil {
		b.logf("  restic is not installed: left out")
		return nil, nil
	}
	_, kit, err := dsskit.Build(ctx, filepath.Join(b.work, "kit-of-backups"), dsskit.KitOptions{Version: "14.4.1", Seed: 7})
	if err != nil {
		return nil, err
	}
	port, release, err := dsskit.FreePorts(10)
	if err != nil {
		return nil, err
	}
	defer release()
	data := filepath.Join(b.work, "backed-up")
	dss, err := dsskit.Install(ctx, kit, dsskit.InstallOptions{DataDir: data, Port: port, Seed: 7})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dss.Close()) }()
	shape := tree.DataDir()
	if b.treePart > 1 {
		shape = shape.Part(b.treePart)
	}
	b.logf("making a data directory of %d files", shape.Files)
	if err := tree.Make(filepath.Join(data, "managed_folders", "tree"), shape); err != nil {
		return nil, err
	}
	if err := dss.Start(ctx); err != nil {
		return nil, err
	}
	out := &backups{Files: shape.Files + len(shape.Large)}
	if err := b.resticAlone(out, data); err != nil {
		return nil, err
	}
	dir, err := b.folder("estate-of-backups", map[string]string{"main.dss.hcl": fmt.Sprintf(`variable "restic" {
  type      = string
  sensitive = true
}

instance "design" {
  data_dir = %q

  backup "b" {
    destination         = %q
    method              = "restic"
    repository_password = var.restic
  }
}
`, data, filepath.Join(b.work, "sets"))})
	if err != nil {
		return nil, err
	}
	for i, to := range []struct{ warm, saved *time.Duration }{{&out.Warm, &out.Saved}, {&out.WarmAgain, &out.SavedAgain}} {
		actions, err := b.backupRun(dir)
		if err != nil {
			return nil, err
		}
		var stopped span
		for _, a := range actions {
			switch a.Kind {
			case "backup.warm":
				*to.warm = a.length()
			case "backup.save":
				*to.saved = a.length()
			case "service.stop":
				stopped.from = a.from
			case "service.start":
				stopped.to = a.to
			}
		}
		if i == 0 {
			out.Down = stopped.length()
		}
	}
	b.logf("  restic alone %s, again %s · dssctl: warm %s, stopped %s; again %s, %s", seconds(out.First), seconds(out.Same), seconds(out.Warm), seconds(out.Saved), seconds(out.WarmAgain), seconds(out.SavedAgain))
	return out, nil
}

// resticAlone runs restic as one would by hand. What each pass reads has been
// read before, by whoever made the files or by the pass ahead of it.
func (b *bench) resticAlone(out *backups, data string) error {
	repo := filepath.Join(b.work, "restic-alone")
	restic := func(args ...string) (time.Duration, error) {
		cmd := exec.Command("restic", args...)
		cmd.Env = append(environ(), "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+resticPassword)
		began := time.Now()
		if text, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("restic: %w\n%s", err, text)
		}
		return time.Since(began), nil
	}
	if _, err := restic("init"); err != nil {
		return err
	}
	var err error
	if out.First, err = restic("backup", "--one-file-system", data); err != nil {
		return err
	}
	if out.Same, err = restic("backup", "--one-file-system", data); err != nil {
		return err
	}
	return os.RemoveAll(repo)
}

// backupRun makes a set and tells what took how long.
func (b *bench) backupRun(dir string) ([]timedAction, error) {
	cmd := exec.Command(b.tool("dssctl"), "backup", "run", "-auto-approve", "-json")
	cmd.Dir, cmd.Env = dir, append(environ(), "DSSCTL_VAR_restic="+resticPassword)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("backup run: %w\n%s%s", err, problem.String(), out.String())
	}
	actions, _, err := readStream(&out)
	return actions, err
}

func (p page) backup(w *writer, r *backups) {
	w.line("## Backups by restic")
	w.line("")
	w.line("A data directory of %d files of a simulated DSS that runs. restic alone makes two snapshots of it; then dssctl makes two sets by the method", r.Files)
	w.line("`restic` with `consistency = \"stop\"`: a first pass while DSS runs, and the one that counts while it is stopped.")
	w.line("")
	w.table([]string{"", "first", "again"}, func(row func(...string)) {
		row("restic alone", seconds(r.First), seconds(r.Same))
		row("dssctl, pass while DSS runs", seconds(r.Warm), seconds(r.WarmAgain))
		row("dssctl, pass while DSS is stopped", seconds(r.Saved), seconds(r.SavedAgain))
	})
	w.line("DSS was down for %s in the first set, its own stop and start among it.", seconds(r.Down))
	w.line("")
}
