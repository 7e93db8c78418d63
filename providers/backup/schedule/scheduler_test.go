package schedule

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/proc"
)

// standIn puts a script before all others on the PATH.
func standIn(t *testing.T, scripts map[string]string) {
	t.Helper()
	bin := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func options(t *testing.T) Options {
	t.Helper()
	return Options{Runner: proc.New(proc.Options{}), Clock: clock.System{}, TempDir: t.TempDir(), Home: t.TempDir(), Account: "dataiku"}
}

// fakeCrontab is cron's program over one file, with its refusals.
func fakeCrontab(t *testing.T) (table string) {
	t.Helper()
	table = filepath.Join(t.TempDir(), "table")
	standIn(t, map[string]string{"crontab": `
t=` + table + `
case "$1" in
-l) [ -e "$t.broken" ] && { echo "You (x) are not allowed to use this program (crontab)" >&2; exit 1; }
    [ -e "$t" ] || { echo "no crontab for x" >&2; exit 1; }
    cat "$t"; [ -x "$t.after" ] && "$t.after"; exit 0;;
-r) rm "$t";;
*)  [ -z "$(tail -c 1 "$1")" ] || { echo "new crontab file is missing newline before EOF, can't install." >&2; exit 1; }
    cat "$1" >"$t";;
esac
`})
	return table
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func put(t *testing.T, path, text string, perm os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
}

// conform is what every scheduler does; look returns everything that it keeps.
func conform(t *testing.T, s Scheduler, look func() string) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	observe := func(want *Entry, drift string) {
		t.Helper()
		found, why, err := s.Observe(ctx, entry().ID)
		must(err)
		if (found == nil) != (want == nil) || found != nil && !found.Equal(*want) || (why == "") != (drift == "") || !strings.Contains(why, drift) {
			t.Fatalf("found %+v, %q; expected %+v, %q", found, why, want, drift)
		}
	}
	save := func() Saved {
		t.Helper()
		saved, err := s.Save(ctx, entry().ID)
		must(err)
		return saved
	}
	must(s.Check(ctx))
	before, nothing := look(), save()
	observe(nil, "")
	must(s.Remove(ctx, entry().ID))
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Error("to remove nothing changes something:", diff)
	}

	first := entry()
	must(s.Install(ctx, first))
	observe(&first, "")
	installed := look()
	must(s.Install(ctx, first))
	if diff := cmp.Diff(installed, look()); diff != "" {
		t.Error("to install twice changes something:", diff)
	}

	saved := save()
	second := entry()
	second.Expr, second.Command = "0 3 13 * 5", append(second.Command, "more")
	must(s.Install(ctx, second))
	observe(&second, "")
	other := entry()
	other.ID = "other"
	must(s.Install(ctx, other))
	must(s.Remove(ctx, other.ID))
	must(s.Restore(ctx, first.ID, saved))
	observe(&first, "")
	if diff := cmp.Diff(installed, look()); diff != "" {
		t.Error("to restore does not bring back what was:", diff)
	}
	must(s.Remove(ctx, first.ID))
	observe(nil, "")
	must(s.Restore(ctx, first.ID, saved))
	if diff := cmp.Diff(installed, look()); diff != "" {
		t.Error("to restore what was removed does not bring it back:", diff)
	}
	must(s.Restore(ctx, first.ID, nothing))
	must(s.Restore(ctx, first.ID, nothing))
	observe(nil, "")
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Error("to restore nothing leaves something:", diff)
	}
}

func TestCrontab(t *testing.T) {
	table := fakeCrontab(t)
	look := func() string { return read(t, table) }
	t.Run("none yet", func(t *testing.T) { conform(t, NewCrontab(options(t)), look) })
	put(t, table, "# mine\nMAILTO=\"\"\n\n0 1 * * *\techo 50\\%   \n", 0o600)
	t.Run("with other entries", func(t *testing.T) { conform(t, NewCrontab(options(t)), look) })
}

// TestRealCrontab runs cron's own program on the crontab of an account that is
// made for it.
func TestRealCrontab(t *testing.T) {
	program, err := exec.LookPath("crontab")
	if os.Getuid() != 0 || err != nil {
		t.Skip("it needs root, to make an account, and cron")
	}
	account := "dssctl-t" + strconv.Itoa(os.Getpid()%100000)
	if out, err := exec.Command("useradd", "--no-create-home", "--system", account).CombinedOutput(); err != nil {
		t.Skipf("no account can be made here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.Command(program, "-u", account, "-r").Run() // there may be none
		if out, err := exec.Command("userdel", account).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if _, err := user.Lookup(account); err != nil {
		t.Fatal(err)
	}
	standIn(t, map[string]string{"crontab": "exec " + program + " -u " + account + ` "$@"` + "\n"})
	look := func() string {
		out, err := exec.Command(program, "-u", account, "-l").Output()
		if err != nil {
			return "(none)"
		}
		return string(out)
	}
	t.Run("none yet", func(t *testing.T) { conform(t, NewCrontab(options(t)), look) })
	mine := filepath.Join(t.TempDir(), "mine")
	put(t, mine, "# mine\nMAILTO=\"\"\n\n0 1 * * *\techo 50\\%   \n", 0o600)
	if out, err := exec.Command(program, "-u", account, mine).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("with other entries", func(t *testing.T) { conform(t, NewCrontab(options(t)), look) })
}

func TestCrontabThatMayNotBeUsed(t *testing.T) {
	table := fakeCrontab(t)
	put(t, table+".broken", "", 0o600)
	c := NewCrontab(options(t))
	for name, err := range map[string]error{"check": c.Check(t.Context()), "install": c.Install(t.Context(), entry()), "remove": c.Remove(t.Context(), "x")} {
		if err == nil || !strings.Contains(err.Error(), "not allowed") || !strings.Contains(err.Error(), "/etc/cron.deny") {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

// A crontab that is not read whole must not be written back.
func TestLongCrontab(t *testing.T) {
	table := fakeCrontab(t)
	long := strings.Repeat("0 1 * * * echo a line of a long crontab\n", 5000)
	put(t, table, long, 0o600)
	if err := NewCrontab(options(t)).Install(t.Context(), entry()); err == nil || !strings.Contains(err.Error(), "128 KiB") {
		t.Errorf("found %v", err)
	}
	if read(t, table) != long {
		t.Error("it was changed")
	}
}

// What another program writes between a look and the write is not lost.
func TestCrontabEditedMeanwhile(t *testing.T) {
	table := fakeCrontab(t)
	put(t, table, "# mine\n", 0o600)
	put(t, table+".after", "#!/bin/sh\nrm "+table+".after\necho '0 1 * * * theirs' >>"+table+"\n", 0o755)
	c := NewCrontab(options(t))
	if err := c.Install(t.Context(), entry()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, table); got != "# mine\n0 1 * * * theirs\n"+wantBlock {
		t.Errorf("found %s", got)
	}
	// One that never stops is told.
	put(t, table+".after", "#!/bin/sh\necho '# theirs' >>"+table+"\n", 0o755)
	if err := c.Remove(t.Context(), entry().ID); err == nil || !strings.Contains(err.Error(), "changed it 5 times meanwhile") {
		t.Errorf("found %v", err)
	}
}

// TestTwoAtOnce: of several dssctl on one crontab none loses what another wrote.
func TestTwoAtOnce(t *testing.T) {
	table := fakeCrontab(t)
	o := options(t)
	var g errgroup.Group
	for i := range 6 {
		g.Go(func() error {
			e := entry()
			e.ID = ID("estate" + strconv.Itoa(i))
			return NewCrontab(o).Install(t.Context(), e)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(read(t, table), "(managed, do not edit)"); n != 6 {
		t.Errorf("%d entries are there, expected 6", n)
	}
}

func TestBrokenCrontab(t *testing.T) {
	table := fakeCrontab(t)
	broken := beginOf("design.nightly") + "\n0 1 * * * theirs\n"
	put(t, table, broken, 0o600)
	c := NewCrontab(options(t))
	if e, drift, err := c.Observe(t.Context(), "design.nightly"); e != nil || err != nil || !strings.Contains(drift, "has no end") {
		t.Errorf("found %+v, %q, %v", e, drift, err)
	}
	if err := c.Install(t.Context(), entry()); err == nil || read(t, table) != broken {
		t.Errorf("found %v, %s", err, read(t, table))
	}
}

// fakeSystemd keeps what is enabled and active as files, and what was asked of
// it. sudo notes itself.
func fakeSystemd(t *testing.T) (units, asked string) {
	t.Helper()
	dir := t.TempDir()
	units, asked = filepath.Join(dir, "units"), filepath.Join(dir, "asked")
	if err := os.Mkdir(units, 0o755); err != nil {
		t.Fatal(err)
	}
	standIn(t, map[string]string{
		"systemctl": `
d=` + dir + `
echo "$*" >>$d/asked
[ "$1" = --no-ask-password ] && shift
[ "$1" = --user ] && shift
on() { [ -e "$d/$1.$2" ] && echo "$2" && exit 0; [ -e "$d/units/$1" ] || { echo "Failed to get unit file state for $1: No such file or directory" >&2; exit 1; }; echo "$3"; exit 3; }
case "$1" in
is-system-running) cat $d/state 2>/dev/null || echo degraded; exit 1;;
is-enabled) on "$2" enabled disabled;;
is-active) [ -e "$d/$2.active" ] && echo active && exit 0; echo inactive; exit 3;;
enable) [ -e "$d/units/$2" ] && touch "$d/$2.enabled";;
disable) [ -e "$d/units/$2" ] && rm -f "$d/$2.enabled";;
restart) [ -e "$d/loaded-$2" ] && touch "$d/$2.active";;
stop) rm -f "$d/$2.active";;
daemon-reload) rm -f $d/loaded-*; for f in $d/units/*; do [ -e "$f" ] && touch "$d/loaded-${f##*/}"; done; true;;
*) echo "unexpected: $*" >&2; exit 9;;
esac
`,
		"loginctl": "echo \"Linger=$(cat " + dir + "/linger 2>/dev/null || echo yes)\"\n",
		"sudo":     "echo \"sudo $*\" >>" + asked + "\n[ \"$1\" = -n ] && shift\n[ \"$1\" = -l ] && exit $(cat " + dir + "/sudo-l 2>/dev/null || echo 0)\nexec \"$@\"\n",
	})
	return units, asked
}

func TestSystemd(t *testing.T) {
	for name, set := range map[string]func(*Options){
		"as root":      func(*Options) {},
		"through sudo": func(o *Options) { o.Sudo = []string{"sudo", "-n"} },
		"user units":   func(o *Options) { o.User = true },
	} {
		t.Run(name, func(t *testing.T) {
			units, asked := fakeSystemd(t)
			put(t, filepath.Join(units, "other.timer"), "theirs", 0o644)
			o := options(t)
			o.Units = units
			set(&o)
			look := func() string {
				var b strings.Builder
				for _, dir := range []string{units, filepath.Dir(units)} {
					entries, err := os.ReadDir(dir)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range entries {
						if !e.IsDir() && e.Name() != "asked" && !strings.HasPrefix(e.Name(), "loaded-") {
							b.WriteString(e.Name() + ":\n" + read(t, filepath.Join(dir, e.Name())))
						}
					}
				}
				return b.String()
			}
			conform(t, NewSystemd(o), look)
			for line := range strings.Lines(read(t, asked)) {
				changes := !strings.HasPrefix(strings.TrimPrefix(line, "--user "), "is-") && !strings.HasPrefix(line, "--no-ask")
				if sudo := strings.HasPrefix(line, "sudo -n "); len(o.Sudo) > 0 && changes != sudo || len(o.Sudo) == 0 && sudo {
					t.Errorf("asked: %s", line)
				}
				if o.User && !strings.Contains(line, "--user ") {
					t.Errorf("asked of the machine's systemd: %s", line)
				}
			}
		})
	}
}

func TestSystemdDrift(t *testing.T) {
	units, _ := fakeSystemd(t)
	o := options(t)
	o.Units = units
	s := NewSystemd(o)
	for want, spoil := range map[string]func(){
		"is not enabled": func() { os.Remove(filepath.Join(filepath.Dir(units), timerOf(entry().ID)+".enabled")) },
		"is not active":  func() { os.Remove(filepath.Join(filepath.Dir(units), timerOf(entry().ID)+".active")) },
		"is gone from":   func() { os.Remove(filepath.Join(units, serviceOf(entry().ID))) },
		"edited by hand: line 8": func() {
			put(t, filepath.Join(units, timerOf(entry().ID)), strings.Replace(timerText(entry().normal()), "Persistent=true\n", "", 1), 0o644)
		},
	} {
		if err := s.Install(t.Context(), entry()); err != nil {
			t.Fatal(err)
		}
		spoil()
		if _, drift, err := s.Observe(t.Context(), entry().ID); err != nil || !strings.Contains(drift, want) {
			t.Errorf("expected %q, found %q, %v", want, drift, err)
		}
	}
	// Files that are gone by hand leave a timer that runs.
	if err := s.Install(t.Context(), entry()); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(units, serviceOf(entry().ID)))
	os.Remove(filepath.Join(units, timerOf(entry().ID)))
	if err := s.Remove(t.Context(), entry().ID); err != nil {
		t.Error(err)
	}
	if got := read(t, filepath.Join(filepath.Dir(units), timerOf(entry().ID)+".active")); got != "(none)" {
		t.Error("the timer still runs")
	}
}

func TestSystemdThatDoesNotRun(t *testing.T) {
	units, _ := fakeSystemd(t)
	o := options(t)
	o.Units, o.User = units, true
	put(t, filepath.Join(filepath.Dir(units), "linger"), "no", 0o600)
	if err := NewSystemd(o).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "loginctl enable-linger dataiku") {
		t.Errorf("found %v", err)
	}
	put(t, filepath.Join(filepath.Dir(units), "state"), "offline", 0o600)
	if err := NewSystemd(o).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "use cron instead") {
		t.Errorf("found %v", err)
	}
}

// Whether the account may use sudo is asked before anything is written.
func TestSystemdWithoutSudo(t *testing.T) {
	units, _ := fakeSystemd(t)
	o := options(t)
	o.Units, o.Sudo = units, []string{"sudo", "-n"}
	if err := NewSystemd(o).Check(t.Context()); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(filepath.Dir(units), "sudo-l"), "1", 0o600)
	if err := NewSystemd(o).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "may not run systemctl through sudo") {
		t.Errorf("found %v", err)
	}
}

// What keeps an account from its crontab is told apart.
func TestCrontabThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"refused":     {"echo 'You (dataiku) are not allowed to use this program (crontab)' >&2\nexit 1\n", "/etc/cron.allow"},
		"another way": {"echo 'something odd' >&2\nexit 1\n", "something odd"},
	} {
		t.Run(name, func(t *testing.T) {
			standIn(t, map[string]string{"crontab": c.script})
			if err := NewCrontab(options(t)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("found %v", err)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if err := NewCrontab(options(t)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "no program crontab") {
			t.Errorf("found %v", err)
		}
	})
}

// TestSystemdTakesTheUnits has the real systemd read them.
func TestSystemdTakesTheUnits(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there")
	}
	dir := t.TempDir()
	e := entry()
	e.Expr, e.Command[0], e.Dir = "0 3 13 * 5", "/bin/sh", "/tmp"
	n := e.normal()
	put(t, filepath.Join(dir, timerOf(e.ID)), timerText(n), 0o644)
	put(t, filepath.Join(dir, serviceOf(e.ID)), serviceText(n, "root"), 0o644)
	cmd := exec.Command(program, "verify", "--man=no", filepath.Join(dir, timerOf(e.ID)), filepath.Join(dir, serviceOf(e.ID)))
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), dir) && !strings.Contains(string(out), "dssctl-") {
		t.Skipf("systemd-analyze does not work here: %v: %s", err, out)
	}
	if strings.Contains(string(out), "dssctl-") {
		t.Errorf("%v\n%s", err, out)
	}
}
