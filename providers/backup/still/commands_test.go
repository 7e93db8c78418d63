package still

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
)

// newCustomRig has a cloud of its own: a program that makes and removes
// snapshots, and says so.
func newCustomRig(t *testing.T) *rig {
	r := newRig(t, "ext4", "/dev/nvme1n1")
	r.mounter()
	r.program("cloud", `
case $1 in
create) cp -a "$VOLUME" "$VOLUMES/$2" ;;
create-at) echo "7 2 253:7 / $3 ro - nfs filer:/snap/$2 ro" >>"$TABLE"; cp -a "$VOLUME/dss" "$3/"; cp -a "$VOLUME/dss" "$VOLUMES/$2" ;;
attach) mount -t ext4 -o ro "/dev/disk/$2" "$3" ;;
detach) umount "$2" ;;
destroy) rm -rf "$VOLUMES/$2" ;;
*) exit 2 ;;
esac
`)
	r.o.Commands = Commands{
		Create:  []string{"cloud", "create", "${id}"},
		Mount:   []string{"cloud", "attach", "${id}", "${mount}"},
		Unmount: []string{"cloud", "detach", "${mount}"},
		Destroy: []string{"cloud", "destroy", "${id}"},
	}
	return r
}

func (r *rig) custom(runner proc.Runner) *customKind {
	r.t.Helper()
	o := r.o
	o.Runner = runner
	c, err := newCustom(o.withDefaults())
	if err != nil {
		r.t.Fatal(err)
	}
	c.mounts = r.mounts
	return c
}

func TestCommands(t *testing.T) {
	for name, change := range map[string]func(*Commands){
		"all four":      func(*Commands) {},
		"plain unmount": func(c *Commands) { c.Unmount = nil },
		"create shows it": func(c *Commands) {
			c.Create, c.Mount, c.Unmount = []string{"cloud", "create-at", "${id}", "${mount}"}, nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCustomRig(t)
			change(&r.o.Commands)
			suite(t, func(p proc.Runner) Snapshotter { return r.custom(p) }, r.data, r.clean)
		})
	}
}

// TestCommandsView: the view is checked, and what fails is undone.
func TestCommandsView(t *testing.T) {
	for name, tt := range map[string]struct{ attach, want string }{
		"writable": {`mkdir "$3/dss"; cp "$VOLUME/dss/install.ini" "$3/dss"; echo "9 2 253:9 / $3 rw - ext4 /dev/x rw" >>"$TABLE"`, "can be written to: mount it read-only"},
		"another instance": {
			`mount -t ext4 -o ro "/dev/disk/$2" "$3"; sed -i s/abcdef/zzzzzz/ "$3/dss/install.ini"`,
			`has the installid "zzzzzzghijklmnopqrstuvwx", expected "abcdefghijklmnopqrstuvwx"`,
		},
		"empty":       {`echo "9 2 253:9 / $3 ro - ext4 /dev/x ro" >>"$TABLE"`, "there is no install.ini in"},
		"not mounted": {`true`, "nothing is mounted at"},
		"itself":      {`mount -t ext4 -o ro "/dev/disk/$2" "$3"; mv "$3"/dss/* "$3"; rmdir "$3/dss"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCustomRig(t)
			r.program("attach", tt.attach)
			r.o.Commands.Mount = []string{"attach", "x", "${id}", "${mount}"}
			c := r.custom(r.o.Runner)
			view, err := c.Create(context.Background(), "a")
			if tt.want == "" {
				if want := filepath.Join(r.o.Companion, "still", "commands", "a"); err != nil || view != want {
					t.Errorf("found %q (%v), expected %q", view, err, want)
				}
				if err := c.Destroy(context.Background(), "a"); err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("found %v, expected … %s …", err, tt.want)
			}
			r.clean()
		})
	}
}

func TestCommandsRefuse(t *testing.T) {
	ok := Commands{Create: []string{"c", "${id}"}, Mount: []string{"m", "${mount}"}, Destroy: []string{"d", "${id}"}}
	if _, err := newCustom(Options{Commands: ok}); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Commands){
		"create is missing":         func(c *Commands) { c.Create = nil },
		"destroy is missing":        func(c *Commands) { c.Destroy = nil },
		"placeholder ${snapshot}":   func(c *Commands) { c.Unmount = []string{"u", "--x=${snapshot}"} },
		"mount has no word with":    func(c *Commands) { c.Mount = []string{"m"} },
		"create, as there is no mo": func(c *Commands) { c.Mount = nil },
		"of mount is an empty word": func(c *Commands) { c.Mount = []string{"", "${mount}"} },
	} {
		c := ok
		change(&c)
		if _, err := newCustom(Options{Commands: c}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("found %v, expected … %s …", err, want)
		}
	}
	r := newCustomRig(t)
	r.o.Commands.Destroy = []string{"no-such-program", "${id}"}
	if err := r.custom(r.o.Runner).Check(context.Background()); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("found %v", err)
	}
}

// TestCommandsLeft: what cannot be undone is said, and swept another time.
func TestCommandsLeft(t *testing.T) {
	ctx := context.Background()
	r := newCustomRig(t)
	var hide secret.Redactor
	hide.Add("s3cr3t-token")
	r.o.Runner = proc.New(proc.Options{Redactor: &hide})
	r.program("broken", `echo "the API s3cr3t-token says no" >&2; exit 9`)
	working := r.o.Commands
	r.o.Commands.Mount = []string{"broken", "--token=s3cr3t-token", "${mount}"}
	r.o.Commands.Destroy = []string{"broken", "${id}"}
	_, err := r.custom(r.o.Runner).Create(ctx, "a")
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Fatalf("found %v", err)
	}
	for _, want := range []string{"mount the snapshot: broken", "exit code 9", "the API (secret) says no", "could not be removed and is left", "remove the snapshot: broken"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("found %v, expected … %s …", err, want)
		}
	}
	if left := entries(t, r.volumes); len(left) != 1 {
		t.Errorf("volumes: %q", left)
	}
	r.o.Commands = working
	sweep(t, r.custom(r.o.Runner), "")
	r.clean()
}

// TestCommandsTimeout: a command that hangs is ended, and undone.
func TestCommandsTimeout(t *testing.T) {
	r := newCustomRig(t)
	r.program("attach", "exec sleep 600")
	r.o.Commands.Mount = []string{"attach", "${mount}"}
	r.o.Commands.Timeout = 5 * time.Second // for the others too, on a busy machine
	_, err := r.custom(r.o.Runner).Create(context.Background(), "a")
	if err == nil || !strings.Contains(err.Error(), "had not ended after") {
		t.Errorf("found %v", err)
	}
	r.clean()
}

// TestOutlived: a command that a killed dssctl left at work is waited for.
func TestOutlived(t *testing.T) {
	ctx := context.Background()
	r := newCustomRig(t)
	r.program("slow", `until [ -e "$RIG/go" ]; do sleep 0.02; done; cloud create "$1"`)
	c := r.custom(r.o.Runner)
	if err := c.begin(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.mountPoint("a"); err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan error)
	go func() {
		_, err := c.o.Runner.Run(ctx, proc.Cmd{Path: "slow", Args: []string{c.prefix() + "a"}, Started: func(p proc.Process) {
			c.note("a", p)
			close(started)
		}})
		ended <- err
	}()
	<-started
	again := r.custom(r.o.Runner)
	again.o.Notice = func(text string) {
		if strings.Contains(text, "waiting for process") {
			put(t, filepath.Join(r.dir, "go"), "")
		}
	}
	if err := again.Destroy(ctx, "a"); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(r.dir, "go")); err != nil {
		t.Error("it was not waited for")
	}
	r.clean()
}
