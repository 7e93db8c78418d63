package schedule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// Crontab keeps entries in the account's crontab.
type Crontab struct{ o Options }

// NewCrontab returns the Scheduler of the account's crontab.
func NewCrontab(o Options) *Crontab { return &Crontab{o} }

var (
	noCrontab = lazyregexp.New(`(?i)\bno crontab for\b`)
	// notAllowed is how cron programs refuse an account: "You (x) are not allowed to
	// use this program (crontab)".
	notAllowed = lazyregexp.New(`(?i)\bnot (allowed|permitted|authorized)\b`)
	// cutShort is what the runner puts between the head and the tail of an
	// output that is too long to be kept.
	cutShort = lazyregexp.New(`(?m)^\.\.\. \d+ bytes left out \.\.\.$`)
)

// Check implements Scheduler.
func (c *Crontab) Check(ctx context.Context) error {
	_, err := c.read(ctx)
	return err
}

func (c *Crontab) run(ctx context.Context, args ...string) (proc.Result, error) {
	return c.o.Runner.Run(ctx, proc.Cmd{Path: "crontab", Args: args, Dir: "/", Env: []string{"LC_ALL=C"}, Timeout: commandTimeout})
}

// read returns the whole crontab; "" where there is none.
func (c *Crontab) read(ctx context.Context) (string, error) {
	result, err := c.run(ctx, "-l")
	var exit *proc.ExitError
	switch {
	case errors.As(err, &exit) && result.ExitCode == 1 && noCrontab.Match(result.Stderr):
		return "", nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no program crontab on this machine: install cron, or use scheduler = \"systemd\": %w", err)
	case errors.As(err, &exit) && notAllowed.Match(result.Stderr):
		return "", fmt.Errorf("the account may not use cron: root puts it into /etc/cron.allow, or takes it out of /etc/cron.deny: %w", err)
	case err != nil:
		return "", fmt.Errorf("read the account's crontab (is cron installed, and may the account use it: /etc/cron.allow, /etc/cron.deny?): %w", err)
	case cutShort.Match(result.Stdout):
		return "", errors.New("read the account's crontab: it is longer than 128 KiB, so that dssctl cannot write it back whole; use a systemd timer instead")
	}
	return string(result.Stdout), nil
}

// Files implements Scheduler: the crontab is written by its own program.
func (c *Crontab) Files(string) []string { return nil }

// Observe implements Scheduler.
func (c *Crontab) Observe(ctx context.Context, id string) (*Entry, string, error) {
	if err := CheckID(id); err != nil {
		return nil, "", err
	}
	table, err := c.read(ctx)
	if err != nil {
		return nil, "", err
	}
	b, err := findBlock(table, id)
	var broken *brokenError
	if errors.As(err, &broken) {
		return nil, broken.Error(), nil
	}
	if !b.found {
		return nil, "", nil
	}
	e, drift := readBlock(id, b.text)
	return e, drift, nil
}

const savedBlock = "crontab"

// Save implements Scheduler.
func (c *Crontab) Save(ctx context.Context, id string) (Saved, error) {
	if err := CheckID(id); err != nil {
		return Saved{}, err
	}
	table, err := c.read(ctx)
	if err != nil {
		return Saved{}, err
	}
	b, err := findBlock(table, id)
	if err != nil || !b.found {
		return Saved{}, err
	}
	return Saved{Texts: map[string]string{savedBlock: b.text}, Line: b.line()}, nil
}

// Install implements Scheduler.
func (c *Crontab) Install(ctx context.Context, e Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	return c.put(ctx, e.ID, blockText(e.normal()), -1)
}

// Remove implements Scheduler.
func (c *Crontab) Remove(ctx context.Context, id string) error {
	return c.put(ctx, id, "", -1)
}

// Restore implements Scheduler.
func (c *Crontab) Restore(ctx context.Context, id string, s Saved) error {
	return c.put(ctx, id, s.Texts[savedBlock], s.Line)
}

// attempts is how often the crontab is read anew when another program writes
// it meanwhile.
const attempts = 5

// put gives an id's block this text.
func (c *Crontab) put(ctx context.Context, id, text string, line int) error {
	if err := CheckID(id); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for range attempts {
		old, err := c.read(ctx)
		if err != nil {
			return err
		}
		b, err := findBlock(old, id)
		if err != nil {
			return err
		}
		wanted := b.put(text, line)
		if wanted == old {
			return nil
		}
		written, err := c.write(ctx, old, wanted)
		if err != nil {
			return fmt.Errorf("write the entry of %s into the account's crontab: %w", id, err)
		}
		if !written {
			continue
		}
		now, err := c.read(ctx)
		if err != nil {
			return err
		}
		if b, err := findBlock(now, id); err == nil && b.text == text {
			return nil
		}
	}
	return fmt.Errorf("write the entry of %s into the account's crontab: another program changed it %d times meanwhile; try again when nobody edits it", id, attempts)
}

// write replaces the crontab, unless it is another one than it was when it was
// read: crontab has no lock that others would keep to.
func (c *Crontab) write(ctx context.Context, old, wanted string) (written bool, err error) {
	dir, err := os.MkdirTemp(c.o.TempDir, "dssctl-crontab-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "crontab")
	if err := os.WriteFile(file, []byte(wanted), 0o600); err != nil {
		return false, err
	}
	now, err := c.read(ctx)
	if err != nil || now != old {
		return false, err
	}
	if wanted == "" {
		_, err = c.run(ctx, "-r")
	} else {
		_, err = c.run(ctx, file)
	}
	return err == nil, err
}

// lock keeps other dssctl of the account out, through the folder that they all
// know.
func (c *Crontab) lock(ctx context.Context) (unlock func(), err error) {
	const patience, step = 30 * time.Second, 50 * time.Millisecond
	home, err := os.Open(c.o.Home)
	if err != nil {
		// An account without a home has nobody at work there either.
		return func() {}, nil
	}
	for deadline := c.o.Clock.Now().Add(patience); ; {
		err = unix.Flock(int(home.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			// A file system without locks is no reason not to go on.
			return func() { home.Close() }, nil
		}
		if !c.o.Clock.Now().Before(deadline) {
			home.Close()
			return nil, fmt.Errorf("the account's crontab is being edited by another dssctl for longer than %s; try again later", patience)
		}
		if err := c.o.Clock.Sleep(ctx, step); err != nil {
			home.Close()
			return nil, err
		}
	}
}
