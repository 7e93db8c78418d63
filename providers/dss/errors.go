package dss

import (
	"fmt"
	"strings"
)

// NotFoundError says that there is nothing at the data directory's path.
type NotFoundError struct{ DataDir string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("the data directory %s does not exist: check data_dir, and that its volume is mounted", e.DataDir)
}

// NotDirError says that the data directory's path is something else.
type NotDirError struct {
	DataDir string
	Found   string // "a regular file"
}

func (e *NotDirError) Error() string {
	return fmt.Sprintf("the data directory %s is %s, expected a folder", e.DataDir, e.Found)
}

// NotDSSError says that the folder is no DSS data directory.
type NotDSSError struct {
	DataDir string
	Missing []string // of install.ini, dss-version.json, bin/dss
	Empty   bool     // there is nothing in it at all
}

func (e *NotDSSError) Error() string {
	return fmt.Sprintf("%s is not a DSS data directory: %s missing; data_dir must be the folder that was given to DSS's installer.sh with -d",
		e.DataDir, strings.Join(e.Missing, ", "))
}

// OwnerError says that the data directory belongs to another account.
type OwnerError struct {
	DataDir string
	Owner   string // account name, or "uid 1001"
	Account string // the one that runs dssctl
}

func (e *OwnerError) Error() string {
	if e.Owner == "root" || e.Owner == "uid 0" {
		return fmt.Sprintf("the data directory %s belongs to root, and dssctl runs as %s: DSS must not run as root; give the folder to an account of its own first", e.DataDir, e.Account)
	}
	return fmt.Sprintf("the data directory %s belongs to %s, and dssctl runs as %s: run it as the account that owns it, `sudo -u %s dssctl …`",
		e.DataDir, e.Owner, e.Account, strings.ReplaceAll(e.Owner, "uid ", "#"))
}

// RootError says that dssctl runs as root, which DSS must never do.
type RootError struct {
	DataDir string
	Owner   string // account name, or "uid 1001"
}

func (e *RootError) Error() string {
	if e.Owner == "root" || e.Owner == "uid 0" {
		return fmt.Sprintf("dssctl runs as root and the data directory %s belongs to root: DSS must not run as root; give the folder to an account of its own first", e.DataDir)
	}
	return fmt.Sprintf("dssctl runs as root, and DSS and its tools must not: run it as the account that owns %s, `sudo -u %s dssctl …`",
		e.DataDir, strings.ReplaceAll(e.Owner, "uid ", "#"))
}

// FileError says that a file of the instance is not as it must be.
type FileError struct {
	File     string
	Line     int // 0 when it is about the whole file
	Found    string
	Expected string
	Err      error // what the system or a parser said; may be nil
}

func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": found " + e.Found)
	if e.Expected != "" {
		b.WriteString(", expected " + e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what the system or a parser said.
func (e *FileError) Unwrap() error { return e.Err }

// NotStoppedError says that an edit needs DSS stopped.
type NotStoppedError struct {
	File    string
	Service Service
}

func (e *NotStoppedError) Error() string {
	return fmt.Sprintf("edit %s: DSS is %s, and it must be stopped: a running DSS overwrites the file", e.File, e.Service)
}

// ChangedError says that a file changed while it was being edited.
type ChangedError struct{ File string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("edit %s: somebody else changed it meanwhile; nothing was written, try again", e.File)
}

// CompanionError says that dssctl's folder beside the data directory cannot be
// used.
type CompanionError struct {
	Companion string
	Err       error
}

func (e *CompanionError) Error() string {
	return fmt.Sprintf("make dssctl's folder %s: %v; it holds copies of what dssctl changes: let the account write there, or set the instance's attribute companion_dir to a folder of its own on the same machine",
		e.Companion, e.Err)
}

// Unwrap returns the reason.
func (e *CompanionError) Unwrap() error { return e.Err }

// LockedError says that another dssctl works on the instance.
type LockedError struct {
	DataDir string
	Holder  Holder
	// Known is false when the holder left no trace.
	Known bool
}

func (e *LockedError) Error() string {
	if !e.Known {
		return fmt.Sprintf("the instance at %s is locked by another process (a flock on the folder); `lsof +d %s` may show it", e.DataDir, e.DataDir)
	}
	h := e.Holder
	return fmt.Sprintf("the instance at %s is locked by %s@%s (process %d, in %s) since %s: %s",
		e.DataDir, h.User, h.Host, h.PID, h.Dir, h.Since.Format("2006-01-02 15:04:05 MST"), h.Why)
}
