package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/dsskit"
	"github.com/dssctl/dssctl/providers/service"
)

// stoppedEstate changes one general setting of design, keeps backups of it, and makes
// a clone of it on demand.
const stoppedEstate = `
instance "design" {
  data_dir  = "DATA/design"
  node_type = "design"

  general_settings = {
    maxRunningActivities = 20
  }

  backup "nightly" {
    destination = "DATA/sets"
    method      = "archive"
  }
}
`

const stoppedClone = `
instance "copy" {
  data_dir = "DATA/copy"
  origin "clone" {
    of = instance.design
  }
  port = PORT
}
`

// unsharing runs a program in process and mount namespaces of its own, as a
// container does, and with "-n" in a network of its own; the account stays.
func unsharing(flags ...string) []string {
	return append([]string{"unshare", "-c", "-p", "-f", "--mount-proc", "--kill-child"}, append(flags, "--")...)
}

func needsNamespaces(t *testing.T) {
	t.Helper()
	all := unsharing("-n")
	if out, err := exec.Command(all[0], append(all[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no user namespaces here: %v: %s", err, out)
	}
}

// within runs dssctl by another program, such as unshare.
func (l *lab) within(program []string, args ...string) outcome {
	l.t.Helper()
	cmd, ctx := command(l.t, l.dir, l.env, args...)
	path, err := exec.LookPath(program[0])
	l.ok(err)
	cmd.Args = slices.Concat(program, []string{cmd.Path}, args)
	cmd.Path = path
	return begin(ctx, l.t, cmd)()
}

// What looks like a stopped DSS and is not: every command that needs a stop
// refuses it, says why, and changes nothing. DSS runs on.
func TestStoppedIsProven(t *testing.T) {
	t.Parallel()
	l := newLab(t, 8101) // a kit of its own: it goes away
	design := l.install("design", dsskit.InstallOptions{})
	port := l.freePort()
	estate := strings.ReplaceAll(stoppedEstate, "DATA", l.data)
	write(t, l.dir, "main.dss.hcl", estate)
	l.run("apply", "-auto-approve").must(t, 0)
	first := l.lastRun()
	estate = strings.Replace(estate, "= 20", "= 21", 1)
	write(t, l.dir, "main.dss.hcl", estate)

	refused := func(t *testing.T, run func(args ...string) outcome, commands [][]string, words ...string) {
		t.Helper()
		l.t = t
		before := configs(t, l.data)
		for _, args := range commands {
			o := run(args...)
			if o.code == 0 {
				t.Errorf("%v: %s", args, o)
			}
			all := unwrapped(o.stdout + o.stderr)
			for _, w := range words {
				if !strings.Contains(all, w) {
					t.Errorf("%v: %q is not in what it says:\n%s", args, w, all)
				}
			}
		}
		if diff := cmp.Diff(before, configs(t, l.data)); diff != "" {
			t.Errorf("something changed:\n%s", diff)
		}
		if sets, _ := filepath.Glob(filepath.Join(l.data, "sets", "*", "*", "manifest*")); len(sets) > 1 {
			t.Errorf("a set was made: %v", sets)
		}
		if !l.running("design") {
			t.Error("DSS does not run")
		}
		if o := l.run("recover").must(t, 0); !strings.Contains(o.stdout, "No run is open") {
			t.Errorf("a run is open: %s", o)
		}
	}
	all := [][]string{{"plan"}, {"apply", "-auto-approve"}, {"backup", "run", "instance.design", "-auto-approve"}, {"backup", "restore", "instance.design", "-auto-approve"}, {"rollback", first, "-auto-approve"}}

	t.Run("the kit is gone", func(t *testing.T) {
		kit := design.Kit()
		l.ok(os.Rename(kit, kit+".gone"))
		defer func() { l.ok(os.Rename(kit+".gone", kit)) }()
		refused(t, l.run, all, "cannot be told", "processes of this data directory run")
		refused(t, l.run, all[:2], "The kit is gone", kit)
		if o := l.run("doctor"); !strings.Contains(unwrapped(o.stdout), kit) {
			t.Errorf("doctor: %s", o)
		}
		write(t, l.dir, "copy.dss.hcl", strings.NewReplacer("DATA", l.data, "PORT", strconv.Itoa(port)).Replace(stoppedClone))
		defer os.Remove(filepath.Join(l.dir, "copy.dss.hcl"))
		refused(t, l.run, [][]string{{"plan", "-target", "instance.copy"}}, "copy", "cannot be told")
	})
	t.Run("the link to the kit leads to another version", func(t *testing.T) {
		was := design.Kit()
		current := filepath.Join(l.data, "current")
		l.ok(os.Symlink(kit(t, "14.5.0", l.seed), current))
		file := filepath.Join(design.DataDir, "bin", "env-default.sh")
		raw, err := os.ReadFile(file)
		l.ok(err)
		write(t, filepath.Dir(file), filepath.Base(file), strings.Replace(string(raw), `"`+was+`"`, `"`+current+`"`, 1))
		defer func() { l.ok(os.WriteFile(file, raw, 0o644)) }()
		refused(t, l.run, all[:3], "The kit is of another version", "14.5.0", "14.4.1")
		if o := l.run("doctor"); !strings.Contains(unwrapped(o.stdout), "14.5.0") {
			t.Errorf("doctor: %s", o)
		}
	})
	t.Run("another container on the same volume", func(t *testing.T) {
		needsNamespaces(t)
		beside := func(flags ...string) func(args ...string) outcome {
			return func(args ...string) outcome { return l.within(unsharing(flags...), args...) }
		}
		refused(t, beside(), all[:3], "listens on port", "cannot be told")
		refused(t, beside("-n"), all[:3], "is locked by a program that has it open", "another container")
	})
	t.Run("the first process of a container", func(t *testing.T) {
		needsNamespaces(t)
		l.stop("design")
		inside := l.contain("design", filepath.Join(design.DataDir, "bin", "dss"), "run")
		waitFor(t, "DSS in its container", func() bool { return l.running("design") })
		refused(t, func(args ...string) outcome { return l.within(inside, args...) }, all[:3], "first process", "ends the container")
	})
}

// contain runs a program as the first process of a container, and returns what runs
// another one in there.
func (l *lab) contain(name, program string, args ...string) []string {
	l.t.Helper()
	l.ok(os.MkdirAll(filepath.Join(l.dss[name].DataDir, "run"), 0o755))
	all := unsharing()
	// In a session of its own, as a container's first process is.
	cmd := exec.Command(all[0], slices.Concat(all[1:], []string{"setsid", program}, args)...)
	l.ok(cmd.Start())
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill() // and with it, by --kill-child, what is in there
		_ = cmd.Wait()
	})
	var pid string
	waitFor(l.t, "the container's first process", func() bool {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/task/" + strconv.Itoa(cmd.Process.Pid) + "/children")
		pid = strings.TrimSpace(string(raw))
		return err == nil && pid != "" && !strings.Contains(pid, " ")
	})
	return []string{"nsenter", "-t", pid, "-U", "-p", "-m", "--preserve-credentials", "--wdns=" + l.dir}
}

// The frame knows the actions that attach a data directory to a kit by their kinds,
// which belong to other aspects.
func TestAttachingKindsExist(t *testing.T) {
	aspects, _ := (&world{}).aspects()
	all := performers(aspects)
	for _, kind := range service.AttachingKinds() {
		if all[kind] == nil {
			t.Errorf("nothing performs %s", kind)
		}
	}
}
