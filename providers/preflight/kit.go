package preflight

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/providers/dss"
)

// Kit is what a data directory is attached to.
type Kit struct {
	DataDir string
	// Dir is DKUINSTALLDIR of bin/env-default.sh; "" where it names none.
	Dir string
	// Version is that of the data directory's dss-version.json.
	Version string
}

// KitOf reads what the instance is attached to.
func KitOf(in *dss.Instance) (Kit, error) {
	f, err := in.Identity()
	return Kit{DataDir: in.DataDir, Dir: f.InstallDir, Version: f.Version}, err
}

const newKit = "Unpack the kit of that version in its place again, or attach the data directory to another one, DSS stopped: KIT/installer.sh -d DATA_DIR -u"

// Commands makes sure that the commands in bin can be run: they are links into
// the kit, or scripts that need it.
func (k Kit) Commands() []Finding {
	var out []Finding
	for _, name := range []string{"dss", "dssadmin", "govern-admin"} {
		path := filepath.Join(k.DataDir, "bin", name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && name != "dss" {
			continue // another type of node
		}
		if why := notRunnable(path); why != "" {
			out = append(out, Finding{
				What: "bin/" + name + " cannot be run", Where: path, Found: why,
				Expected: "a command that this account can run", Remedy: newKit,
			})
		}
	}
	return out
}

// Check makes sure that the kit is there, can be run, and is of the data
// directory's version: DSS starts whatever lies there, also a newer kit that a link
// leads to by now, and that begins on old data without an upgrade.
func (k Kit) Check() []Finding {
	if k.Dir == "" {
		return []Finding{{
			Severity: Warning, What: "The kit is not known", Where: filepath.Join(k.DataDir, "bin", "env-default.sh"),
			Found: "no DKUINSTALLDIR", Expected: "the folder of the kit that DSS runs from",
		}}
	}
	dir, err := filepath.EvalSymlinks(k.Dir)
	if err != nil {
		return []Finding{{What: "The kit is gone", Where: k.Dir, Found: reason(err), Expected: "the kit of DSS " + k.Version, Remedy: newKit}}
	}
	where := k.Dir
	if dir != k.Dir {
		where += " (which is " + dir + ")"
	}
	if why := notRunnable(filepath.Join(dir, "installer.sh")); why != "" {
		return []Finding{{What: "The kit is not whole", Where: where, Found: "its installer.sh: " + why, Expected: "the kit of DSS " + k.Version, Remedy: newKit}}
	}
	switch version, err := dss.KitVersion(dir); {
	case err != nil:
		return []Finding{{Severity: Warning, What: "The version of the kit is not known", Where: where, Found: err.Error(), Expected: k.Version}}
	case version != k.Version:
		return []Finding{{
			What: "The kit is of another version", Where: where,
			Found:    "a kit of DSS " + version,
			Expected: k.Version + ", as the data directory's dss-version.json says",
			Remedy:   "A start would run other code on this data without an upgrade. Let " + k.Dir + " be the kit of " + k.Version + " again; to upgrade, declare version and kit",
		}}
	}
	return nil
}

// notRunnable says why a program cannot be run by this account; "" where it can.
func notRunnable(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if to, lerr := os.Readlink(path); lerr == nil {
			return "it is a link to " + to + ", which is not there"
		}
		return "it is not there"
	case err != nil:
		return reason(err)
	case !info.Mode().IsRegular():
		return "it is no regular file"
	}
	if unix.Access(path, unix.X_OK) != nil {
		return "it is not executable for this account (mode " + info.Mode().Perm().String() + "), or its volume allows no programs"
	}
	return withoutInterpreter(path)
}

// withoutInterpreter looks at the first line of a script.
func withoutInterpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return reason(err)
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n')
	line, script := strings.CutPrefix(line, "#!")
	words := strings.Fields(line)
	if !script || len(words) == 0 {
		return ""
	}
	program := words[0]
	if filepath.Base(program) == "env" {
		at := slices.IndexFunc(words[1:], func(w string) bool { return !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") })
		if at < 0 {
			return ""
		}
		if _, err := exec.LookPath(words[1+at]); err != nil {
			return fmt.Sprintf("its interpreter %s is not in PATH", words[1+at])
		}
		return ""
	}
	if unix.Access(program, unix.X_OK) != nil {
		return "its interpreter " + program + " is not there, or not executable"
	}
	return ""
}

// reason is an error without the path that the finding names already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
