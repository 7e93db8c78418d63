package schedule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/proc"
)

// Systemd keeps entries as timers: NAME.timer and NAME.service in one folder.
type Systemd struct{ o Options }

// NewSystemd returns the Scheduler of systemd timers.
func NewSystemd(o Options) *Systemd { return &Systemd{o} }

// systemctl asks; what changes something goes through change.
func (s *Systemd) systemctl(ctx context.Context, args ...string) (proc.Result, error) {
	if s.o.User {
		args = slices.Insert(slices.Clone(args), 0, "--user")
	}
	return s.o.Runner.Run(ctx, proc.Cmd{Path: "systemctl", Args: args, Dir: "/", Env: []string{"LC_ALL=C"}, Timeout: commandTimeout})
}

// change runs a command that may need root.
func (s *Systemd) change(ctx context.Context, command ...string) error {
	if !s.o.User {
		command = append(slices.Clone(s.o.Sudo), command...)
	}
	_, err := s.o.Runner.Run(ctx, proc.Cmd{Path: command[0], Args: command[1:], Dir: "/", Env: []string{"LC_ALL=C"}, Timeout: commandTimeout})
	return err
}

func (s *Systemd) verb(ctx context.Context, args ...string) error {
	command := []string{"systemctl", "--no-ask-password"}
	if s.o.User {
		command = append(command, "--user")
	}
	return s.change(ctx, append(command, args...)...)
}

// Check implements Scheduler.
func (s *Systemd) Check(ctx context.Context) error {
	if !filepath.IsAbs(s.o.Units) {
		return fmt.Errorf("systemd timers: the folder of the units %q is not absolute", s.o.Units)
	}
	result, err := s.systemctl(ctx, "is-system-running")
	switch state := strings.TrimSpace(string(result.Stdout)); state {
	case "running", "degraded", "starting", "initializing", "maintenance", "stopping":
	default:
		if err == nil {
			err = fmt.Errorf("it printed %q", state)
		}
		return fmt.Errorf("systemd timers: systemd does not run here; use cron instead: %w", err)
	}
	if !s.o.User {
		return s.checkSudo(ctx)
	}
	// Without lingering the account's systemd, its timers, and what they have
	// started end with the last session.
	result, err = s.o.Runner.Run(ctx, proc.Cmd{
		Path: "loginctl", Args: []string{"show-user", s.o.Account, "--property=Linger"}, Dir: "/", Env: []string{"LC_ALL=C"}, Timeout: commandTimeout,
	})
	if err != nil || strings.TrimSpace(string(result.Stdout)) != "Linger=yes" {
		return fmt.Errorf("systemd timers: the timers of the account %s end when it logs out; let root run `loginctl enable-linger %s`, or use cron", s.o.Account, s.o.Account)
	}
	return nil
}

// checkSudo asks whether sudo would run what installs a timer, without running it.
func (s *Systemd) checkSudo(ctx context.Context) error {
	if len(s.o.Sudo) == 0 {
		return nil
	}
	command := slices.Concat(s.o.Sudo, []string{"-l", "systemctl"})
	if _, err := s.o.Runner.Run(ctx, proc.Cmd{Path: command[0], Args: command[1:], Dir: "/", Env: []string{"LC_ALL=C"}, Timeout: commandTimeout}); err != nil {
		return fmt.Errorf("systemd timers: the account may not run systemctl through sudo without a password; let root allow it (and install, mv, rm in %s), or set privilege = \"none\": %w", s.o.Units, err)
	}
	return nil
}

// present returns the unit files that are there.
func (s *Systemd) present(id string) (map[string]string, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, name := range []string{timerOf(id), serviceOf(id)} {
		b, err := os.ReadFile(filepath.Join(s.o.Units, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the unit %s: %w", name, err)
		}
		texts[name] = string(b)
	}
	return texts, nil
}

// state asks whether the timer starts at boot, and whether it runs now.
func (s *Systemd) state(ctx context.Context, id string) (enabled, active bool, err error) {
	for verb, is := range map[string]*bool{"is-enabled": &enabled, "is-active": &active} {
		result, err := s.systemctl(ctx, verb, timerOf(id))
		// The answer is printed, and the exit code follows it.
		switch answer := strings.TrimSpace(string(result.Stdout)); answer {
		case "enabled", "active", "activating":
			*is = true
		case "":
			if err != nil && !noUnit(result) {
				return false, false, fmt.Errorf("ask systemd for the timer %s: %w", timerOf(id), err)
			}
		}
	}
	return enabled, active, nil
}

// noUnit is how systemctl says that it does not know a unit.
func noUnit(r proc.Result) bool {
	text := strings.ToLower(string(r.Stderr))
	return strings.Contains(text, "no such file") || strings.Contains(text, "not be found") || strings.Contains(text, "not loaded") || strings.Contains(text, "does not exist")
}

// Files implements Scheduler.
func (s *Systemd) Files(id string) []string {
	if !s.direct() {
		return nil
	}
	return []string{filepath.Join(s.o.Units, timerOf(id)), filepath.Join(s.o.Units, serviceOf(id))}
}

// Observe implements Scheduler.
func (s *Systemd) Observe(ctx context.Context, id string) (*Entry, string, error) {
	texts, err := s.present(id)
	if err != nil || len(texts) == 0 {
		return nil, "", err
	}
	for _, name := range []string{timerOf(id), serviceOf(id)} {
		if _, ok := texts[name]; !ok {
			return nil, fmt.Sprintf("the unit %s is gone from %s", name, s.o.Units), nil
		}
	}
	e, drift := readUnits(id, s.account(), texts[serviceOf(id)], texts[timerOf(id)])
	if drift != "" {
		return e, drift, nil
	}
	enabled, active, err := s.state(ctx, id)
	switch {
	case err != nil:
		return nil, "", err
	case !enabled:
		return e, fmt.Sprintf("the timer %s is not enabled: it does not run after the next boot", timerOf(id)), nil
	case !active:
		return e, fmt.Sprintf("the timer %s is not active: it does not run", timerOf(id)), nil
	}
	return e, "", nil
}

func (s *Systemd) account() string {
	if s.o.User {
		return ""
	}
	return s.o.Account
}

// Save implements Scheduler.
func (s *Systemd) Save(ctx context.Context, id string) (Saved, error) {
	texts, err := s.present(id)
	if err != nil || len(texts) == 0 {
		return Saved{}, err
	}
	saved := Saved{Texts: texts}
	saved.Enabled, saved.Active, err = s.state(ctx, id)
	return saved, err
}

// Install implements Scheduler.
func (s *Systemd) Install(ctx context.Context, e Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	n := e.normal()
	return s.Restore(ctx, e.ID, Saved{
		Texts:   map[string]string{timerOf(e.ID): timerText(n), serviceOf(e.ID): serviceText(n, s.account())},
		Enabled: true, Active: true,
	})
}

// Remove implements Scheduler.
func (s *Systemd) Remove(ctx context.Context, id string) error {
	return s.Restore(ctx, id, Saved{})
}

// Restore implements Scheduler: it makes the files and the timer's state what
// they are in saved.
func (s *Systemd) Restore(ctx context.Context, id string, saved Saved) error {
	there, err := s.present(id)
	if err != nil {
		return err
	}
	doing := func(err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("install or remove the timer %s in %s: %w", timerOf(id), s.o.Units, err)
	}
	names := []string{serviceOf(id), timerOf(id)}
	_, timer := saved.Texts[timerOf(id)]
	_, was := there[timerOf(id)]
	if len(there) == 0 && len(saved.Texts) == 0 {
		return s.forget(ctx, id)
	}
	// The timer ends while its files are there: systemctl reads in them what
	// it has to undo. The service is let be: a backup may be running.
	if was && (!timer || !saved.Enabled) {
		if err := s.verb(ctx, "disable", timerOf(id)); err != nil {
			return doing(err)
		}
	}
	if was && (!timer || !saved.Active) {
		if err := s.verb(ctx, "stop", timerOf(id)); err != nil {
			return doing(err)
		}
	}
	for _, name := range names {
		text, wanted := saved.Texts[name]
		old, exists := there[name]
		switch {
		case wanted && (!exists || old != text):
			err = s.writeUnit(ctx, name, text)
		case !wanted && exists:
			err = s.removeUnit(ctx, name)
		}
		if err != nil {
			return doing(err)
		}
	}
	if err := s.verb(ctx, "daemon-reload"); err != nil {
		return doing(err)
	}
	if timer && saved.Enabled {
		if err := s.verb(ctx, "enable", timerOf(id)); err != nil {
			return doing(err)
		}
	}
	// A timer that runs takes new times only when it is started anew.
	if timer && saved.Active {
		return doing(s.verb(ctx, "restart", timerOf(id)))
	}
	return nil
}

// forget stops a timer whose files are gone already, as after a removal that
// was broken off.
func (s *Systemd) forget(ctx context.Context, id string) error {
	_, active, err := s.state(ctx, id)
	if err != nil || !active {
		return err
	}
	if err := s.verb(ctx, "stop", timerOf(id)); err != nil {
		return fmt.Errorf("stop the timer %s, whose files are gone: %w", timerOf(id), err)
	}
	return s.verb(ctx, "daemon-reload")
}

// direct says that dssctl writes into the folder itself.
func (s *Systemd) direct() bool { return s.o.User || len(s.o.Sudo) == 0 }

func (s *Systemd) writeUnit(ctx context.Context, name, text string) error {
	path := filepath.Join(s.o.Units, name)
	if s.direct() {
		if err := os.MkdirAll(s.o.Units, 0o755); err != nil {
			return err
		}
		return atomicfile.Write(path, []byte(text), 0o644)
	}
	dir, err := os.MkdirTemp(s.o.TempDir, "dssctl-unit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	// install alone would leave half a file when it is killed.
	beside := filepath.Join(s.o.Units, "."+name+".dssctl")
	if err := s.change(ctx, "install", "-m", "0644", "-T", file, beside); err != nil {
		return err
	}
	return s.change(ctx, "mv", "-fT", beside, path)
}

func (s *Systemd) removeUnit(ctx context.Context, name string) error {
	path := filepath.Join(s.o.Units, name)
	if s.direct() {
		return atomicfile.Remove(path)
	}
	return s.change(ctx, "rm", "-f", path)
}
