package dss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
)

// largestFile bounds what is read into memory: general-settings.json is a few
// megabytes at most.
const largestFile = 256 << 20

// readFile reads a file of the instance whole. The error names the file and is
// fs.ErrNotExist where that is the reason.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a file of the instance: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read a file of the instance: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{File: path, Found: kindOf(info.Mode()), Expected: "a regular file"}
	}
	// ReadFrom wants room behind the end, to see that it is one.
	var data bytes.Buffer
	data.Grow(int(min(info.Size(), largestFile)) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(f, largestFile+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if data.Len() > largestFile {
		return nil, &FileError{File: path, Found: fmt.Sprintf("more than %d MiB", largestFile>>20), Expected: "a settings file"}
	}
	return data.Bytes(), nil
}

// edit changes one file of the instance: f gets its bytes (nil when there is
// no file and perm allows making one) and returns the new ones. When they
// differ, DSS must be stopped; a file that changed meanwhile is left alone.
func (in *Instance) edit(ctx context.Context, rel string, perm fs.FileMode, f func([]byte) ([]byte, error)) error {
	path := in.Path(rel)
	before, err := readFile(path)
	existed := true
	if perm != 0 && errors.Is(err, fs.ErrNotExist) {
		existed, err = false, nil
	}
	if err != nil {
		return err
	}
	after, err := f(before)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) {
		return nil
	}
	if err := in.mustBeStopped(ctx, path); err != nil {
		return err
	}
	switch now, err := readFile(path); {
	case err == nil && (!existed || !bytes.Equal(now, before)),
		existed && errors.Is(err, fs.ErrNotExist):
		return &ChangedError{File: path}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return in.Write(path, after, perm)
}

func (in *Instance) mustBeStopped(ctx context.Context, path string) error {
	state, _, err := in.State(ctx)
	if err != nil {
		return fmt.Errorf("edit %s: is DSS stopped? %w", path, err)
	}
	if state != ServiceStopped {
		return &NotStoppedError{File: path, Service: state}
	}
	return nil
}

// jsonLine returns the line that a JSON error is about, 0 when not known.
func jsonLine(data []byte, err error) int {
	var strict *jsonedit.SyntaxError
	if errors.As(err, &strict) {
		return strict.Line
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset > int64(len(data)) {
		return 0
	}
	return bytes.Count(data[:syntax.Offset], []byte{'\n'}) + 1
}

// iniLine returns the line of a key, or of the section's head when key is ""
// or absent; 0 when the section is absent.
func iniLine(data []byte, section, key string) int {
	head, inside := 0, false
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			if inside = strings.TrimSpace(name) == section; inside && head == 0 {
				head = i + 1
			}
			continue
		}
		if name := strings.TrimSpace(line[:max(strings.IndexAny(line, "=:"), 0)]); inside && key != "" && strings.EqualFold(name, key) {
			return i + 1
		}
	}
	return head
}
