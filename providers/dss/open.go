package dss

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/dssctl/dssctl/internal/realpath"
)

// marks are the files by which a data directory is known.
var marks = []string{"install.ini", "dss-version.json", "bin/dss"}

// Open looks at the folder and returns the instance, or one of NotFoundError,
// NotDirError, NotDSSError, OwnerError, RootError. It reads and changes nothing
// in it.
func Open(dataDir string, o Options) (*Instance, error) {
	o = o.withDefaults()
	given, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", dataDir, err)
	}
	dir, err := filepath.EvalSymlinks(given)
	if errors.Is(err, fs.ErrNotExist) && o.Bare {
		return openAbsent(given, o)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{DataDir: given}
	}
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", given, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", given, err)
	}
	if !info.IsDir() {
		return nil, &NotDirError{DataDir: given, Found: kindOf(info.Mode())}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("open the data directory %s: this system does not tell who owns it", given)
	}
	uid := o.UID()
	// Before the look inside: another account may not be allowed one.
	if uid != 0 && uid != int(stat.Uid) {
		return nil, &OwnerError{DataDir: given, Owner: accountName(int(stat.Uid)), Account: accountName(uid)}
	}
	var missing []string
	for _, name := range marks {
		switch found, err := hasMark(dir, name); {
		case err != nil:
			return nil, fmt.Errorf("open the data directory %s: %w", given, err)
		case !found:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && !o.Bare {
		entries, err := os.ReadDir(dir)
		return nil, &NotDSSError{DataDir: given, Missing: missing, Empty: err == nil && len(entries) == 0}
	}
	if uid == 0 {
		return nil, &RootError{DataDir: given, Owner: accountName(int(stat.Uid))}
	}
	companion, err := o.companion(dir)
	if err != nil {
		return nil, err
	}
	return &Instance{DataDir: dir, given: given, companion: companion, uid: uid, gid: int(stat.Gid), o: o}, nil
}

// hasMark reports whether the folder has the file. A command may be a link into
// the kit: it counts also where the kit is gone.
func hasMark(dir, name string) (bool, error) {
	look := os.Stat
	if filepath.Dir(name) == "bin" {
		look = os.Lstat
	}
	_, err := look(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}

// openAbsent is the instance that a run is about to make: only the folder above
// it must be there.
func openAbsent(given string, o Options) (*Instance, error) {
	above, err := filepath.EvalSymlinks(filepath.Dir(given))
	if err != nil {
		return nil, fmt.Errorf("the folder in which the data directory %s is to be made: %w", given, err)
	}
	uid := o.UID()
	if uid == 0 {
		return nil, &RootError{DataDir: given, Owner: "the account that shall own it"}
	}
	dir := filepath.Join(above, filepath.Base(given))
	if to, err := os.Readlink(dir); err == nil {
		return nil, fmt.Errorf("the data directory %s is a link to %s, which is not there: make that folder, or remove the link", given, to)
	}
	companion, err := o.companion(dir)
	if err != nil {
		return nil, err
	}
	return &Instance{DataDir: dir, given: given, companion: companion, uid: uid, gid: os.Getgid(), o: o}, nil
}

// Beside opens another instance of this machine as this one was opened.
func (in *Instance) Beside(dataDir, companion, unit string) (*Instance, error) {
	o := in.o
	o.Companion, o.Unit, o.Bare = companion, unit, false
	return Open(dataDir, o)
}

// companion is dssctl's folder beside a data directory.
func (o Options) companion(dir string) (string, error) {
	companion := o.Companion
	if companion == "" {
		companion = dir + CompanionSuffix
	}
	companion, err := filepath.Abs(companion)
	if err != nil {
		return "", fmt.Errorf("the companion folder %s: %w", o.Companion, err)
	}
	if realpath.Inside(companion, dir) {
		return "", fmt.Errorf("the companion folder %s is inside the data directory %s: choose one beside it, or DSS's backups would hold it", companion, dir)
	}
	return companion, nil
}

// accountName returns the login name, or "uid N" where there is none.
func accountName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "a regular file"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeSymlink != 0:
		return "a symlink"
	default:
		return "a special file"
	}
}
