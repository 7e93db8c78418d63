package dss

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// original is what is kept of a file beside its bytes. It is written last: an
// original without it does not count.
type original struct {
	Existed bool        `json:"existed"`
	Mode    fs.FileMode `json:"mode"`
	ModTime time.Time   `json:"mod_time"`
	SHA256  string      `json:"sha256"`
}

// originalPaths returns where the bytes and the description are kept.
func (in *Instance) originalPaths(run, rel string) (data, about string, err error) {
	if run == "" || strings.HasPrefix(run, ".") || run != filepath.Base(run) {
		return "", "", fmt.Errorf("%q is no name of a run", run)
	}
	if !filepath.IsLocal(rel) || filepath.Clean(rel) == "." {
		return "", "", fmt.Errorf("%q is no path inside the data directory", rel)
	}
	dir := filepath.Join(in.companion, "originals", run)
	return filepath.Join(dir, "files", rel), filepath.Join(dir, "about", rel+".json"), nil
}

// SaveOriginal keeps the exact bytes, mode and modification time that a file
// has now, or that there is none. What was kept first stays: call it before
// every change. When it returns, the copy is on disk.
func (in *Instance) SaveOriginal(run, rel string) error {
	dataPath, aboutPath, err := in.originalPaths(run, rel)
	if err != nil {
		return err
	}
	if _, err := os.Stat(aboutPath); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the kept original of %s: %w", rel, err)
	}
	o, data, err := in.current(rel)
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(dataPath), filepath.Dir(aboutPath)} {
		sub, err := filepath.Rel(in.companion, dir)
		if err != nil {
			return err
		}
		if _, err := in.EnsureCompanion(sub); err != nil {
			return err
		}
		for ; dir != filepath.Dir(in.companion); dir = filepath.Dir(dir) {
			if err := atomicfile.SyncDir(dir); err != nil {
				return err
			}
		}
	}
	if o.Existed {
		if err := atomicfile.Write(dataPath, data, 0o600); err != nil {
			return err
		}
	}
	about, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return atomicfile.Write(aboutPath, about, 0o600)
}

func (in *Instance) current(rel string) (original, []byte, error) {
	path := in.Path(rel)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return original{}, nil, nil
	}
	if err != nil {
		return original{}, nil, fmt.Errorf("keep the original: %w", err)
	}
	data, err := readFile(path)
	if err != nil {
		return original{}, nil, err
	}
	return original{Existed: true, Mode: info.Mode() & modeBits, ModTime: info.ModTime(), SHA256: sum(data)}, data, nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// Original returns what SaveOriginal kept. found is false when nothing was
// kept in this run, existed when there was such a file.
func (in *Instance) Original(run, rel string) (data []byte, existed, found bool, err error) {
	o, data, err := in.original(run, rel)
	if o == nil || err != nil {
		return nil, false, false, err
	}
	return data, o.Existed, true, nil
}

func (in *Instance) original(run, rel string) (*original, []byte, error) {
	dataPath, aboutPath, err := in.originalPaths(run, rel)
	if err != nil {
		return nil, nil, err
	}
	raw, err := os.ReadFile(aboutPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the kept original of %s: %w", rel, err)
	}
	var o original
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, nil, &FileError{File: aboutPath, Line: jsonLine(raw, err), Found: "no readable JSON", Expected: "what dssctl wrote there", Err: err}
	}
	if !o.Existed {
		return &o, nil, nil
	}
	data, err := readFile(dataPath)
	if err != nil {
		return nil, nil, err
	}
	if sum(data) != o.SHA256 {
		return nil, nil, &FileError{File: dataPath, Found: "other bytes than were kept", Expected: "SHA-256 " + o.SHA256}
	}
	return &o, data, nil
}

// CheckOriginal says why PutBack would fail: what SaveOriginal kept is gone, or is
// not what was kept.
func (in *Instance) CheckOriginal(run, rel string) error {
	o, _, err := in.original(run, rel)
	if err != nil {
		return err
	}
	if o == nil {
		return fmt.Errorf("the original of %s, which run %s kept in %s, is not there any more", rel, run, filepath.Join(in.companion, "originals", run))
	}
	return nil
}

// PutBack gives a file the bytes, mode and modification time that SaveOriginal
// kept in this run, or removes it when there was none. Where the bytes differ
// DSS must be stopped, else the error is a *NotStoppedError.
func (in *Instance) PutBack(run, rel string) error {
	o, data, err := in.original(run, rel)
	if err != nil {
		return err
	}
	if o == nil {
		return fmt.Errorf("put back %s: run %s kept no original of it in %s", rel, run, in.companion)
	}
	path := in.Path(rel)
	if err := in.inside(path); err != nil {
		return fmt.Errorf("put back: %w", err)
	}
	now, err := readFile(path)
	exists := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if exists != o.Existed || !bytes.Equal(now, data) {
		// Bounded by the command's own timeout.
		if err := in.mustBeStopped(context.Background(), path); err != nil {
			return fmt.Errorf("put back: %w", err)
		}
	}
	if !o.Existed {
		if err := atomicfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put back %s: %w", rel, err)
		}
		return nil
	}
	if !exists || !bytes.Equal(now, data) {
		if err := atomicfile.Write(path, data, o.Mode); err != nil {
			return fmt.Errorf("put back: %w", err)
		}
	}
	if err := RestoreMeta(path, o.Mode, o.ModTime); err != nil {
		return fmt.Errorf("put back %s: %w", rel, err)
	}
	return nil
}

// modeBits are what is kept of a mode.
const modeBits = fs.ModePerm | fs.ModeSetgid | fs.ModeSticky

// RestoreMeta gives a file or folder its permissions and its modification time.
// What is so already is not touched: an account may not set again what another
// one owns.
func RestoreMeta(path string, mode fs.FileMode, modTime time.Time) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode()&modeBits != mode&modeBits {
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	if info.ModTime().Equal(modTime) {
		return nil
	}
	return os.Chtimes(path, time.Time{}, modTime)
}

// PruneOriginals removes what runs kept that are not among the known ones, but
// for the newest keep of them: they may be another estate's, or of a state that
// was lost. The names of runs are in the order of their times.
func (in *Instance) PruneOriginals(keep int, known map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(in.companion, "originals"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for originals of old runs: %w", err)
	}
	var unknown []string // ascending, as the folder is read
	for _, e := range entries {
		if e.IsDir() && !known[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			unknown = append(unknown, e.Name())
		}
	}
	var errs []error
	for _, run := range unknown[:max(0, len(unknown)-keep)] {
		errs = append(errs, in.DropOriginals(run))
	}
	return errors.Join(errs...)
}

// DropOriginals removes what the run kept.
func (in *Instance) DropOriginals(run string) error {
	if _, _, err := in.originalPaths(run, "x"); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(in.companion, "originals", run)); err != nil {
		return fmt.Errorf("drop the originals of run %s: %w", run, err)
	}
	return nil
}
