package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	goversion "github.com/hashicorp/go-version"

	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/internal/proc"
)

// tool is a program that a method drives.
type tool struct {
	o       Options
	name    string
	least   string   // the oldest version that will do
	ask     []string // the arguments that make it tell its version
	install string   // what to install it with
	secrets []string
	env     []string
	front   []string // what is put in front of it, such as sudo -n
}

var versionNumber = lazyregexp.New(`\b\d+\.\d+(\.\d+)*`)

// find looks on the PATH, and where an account that is not root, or cron, does
// not look.
func (t *tool) find() (string, error) {
	p, err := exec.LookPath(t.name)
	if err == nil {
		return filepath.Abs(p)
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, t.name)); err == nil {
			return p, nil
		}
	}
	return "", &MissingError{Program: t.name, Expected: ">= " + t.least, Hint: t.install}
}

// version asks the program; a *MissingError when it is not there or too old.
func (t *tool) version(ctx context.Context) (*goversion.Version, error) {
	r, err := t.run(ctx, proc.Cmd{Args: t.ask})
	if err != nil {
		return nil, err
	}
	said := slices.Concat(r.Stdout, r.Stderr)
	v, err := goversion.NewVersion(versionNumber.FindString(string(said)))
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: no version is in what it said: %.100q", t.name, said)
	}
	if v.LessThan(goversion.Must(goversion.NewVersion(t.least))) {
		return nil, &MissingError{Program: t.name, Found: v.Original(), Expected: ">= " + t.least, Hint: t.install}
	}
	return v, nil
}

// stores are the variables by which the programs find their keys of object storage
// and of other machines.
var stores = []string{"RESTIC_*", "RCLONE_*", "AWS_*", "AZURE_*", "B2_*", "GOOGLE_*", "GS_*", "OS_*", "ST_*", "SWIFT_*", "SSH_AUTH_SOCK", "GNUPGHOME", "GPG_*"}

// run fills in what every command of the program has in common.
func (t *tool) run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	p, err := t.find()
	if err != nil {
		return proc.Result{ExitCode: -1}, err
	}
	c.Path = p
	if os.Geteuid() != 0 && len(t.front) > 0 {
		c.Path = t.front[0]
		c.Args = append(append(slices.Clone(t.front[1:]), p), c.Args...)
	}
	// Messages are read, in English, and names are bytes.
	c.Env = slices.Concat([]string{"LC_ALL=C.UTF-8", "LANGUAGE="}, t.env, c.Env)
	c.Keep = stores
	c.Secrets = slices.Concat(c.Secrets, t.secrets)
	return t.o.Runner.Run(ctx, c)
}

// named is "restic 0.14.0".
func (t *tool) named(v *goversion.Version) string { return t.name + " " + v.Original() }

// checkDestination looks whether sets can be written. A folder that is not there
// yet will be made in the one above it.
func checkDestination(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at the destination %s: it is not there; make the folder, or mount what holds it", dir)
	case err != nil:
		return fmt.Errorf("look at the destination: %w", err)
	case !info.IsDir():
		return fmt.Errorf("look at the destination %s: it is no folder", dir)
	}
	if err := writable(dir); err != nil {
		return fmt.Errorf("look at the destination %s: nothing can be written there: %w", dir, err)
	}
	return nil
}
