package dss

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// AmbiguousUnitError says that several boot units name the data directory.
type AmbiguousUnitError struct {
	DataDir string
	Units   []string
}

func (e *AmbiguousUnitError) Error() string {
	return fmt.Sprintf("several boot units name the data directory %s: %s; say which one owns it: service { unit = %q }",
		e.DataDir, strings.Join(e.Units, ", "), e.Units[0])
}

// Unit returns the boot unit that owns the instance, "" for none: the one of
// the configuration, or the one whose file names exactly this data directory.
func (in *Instance) Unit() (string, error) {
	switch in.o.Unit {
	case NoUnit:
		return "", nil
	case "":
	default:
		if !strings.HasSuffix(in.o.Unit, ".service") {
			return in.o.Unit + ".service", nil
		}
		return in.o.Unit, nil
	}
	var found []string
	seen := map[string]bool{}
	for _, dir := range in.o.UnitDirs {
		paths, err := filepath.Glob(filepath.Join(dir, "dataiku*.service"))
		if err != nil {
			return "", fmt.Errorf("look for boot units in %s: %w", dir, err)
		}
		sort.Strings(paths)
		for _, path := range paths {
			name := filepath.Base(path)
			// A unit in an earlier folder hides one of the same name.
			if seen[name] {
				continue
			}
			seen[name] = true
			if owns, err := in.ownedBy(path); err != nil {
				return "", err
			} else if owns {
				found = append(found, name)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	default:
		return "", &AmbiguousUnitError{DataDir: in.DataDir, Units: found}
	}
}

// elsewhere finds the files that a unit takes its settings from.
var elsewhere = regexp.MustCompile(`(?m)(?:^|[\s="'\-])(/[A-Za-z0-9_./@:\-]+)`)

// ownedBy reports whether the unit's text, or that of a small text file that it
// refers to (an EnvironmentFile, a boot configuration), names this data
// directory. A masked unit owns nothing.
func (in *Instance) ownedBy(path string) (bool, error) {
	text, err := smallText(path)
	if errors.Is(err, fs.ErrPermission) {
		// Units are public by default; a closed one is not for this account.
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the boot unit %s: %w", path, err)
	}
	text = withoutComments(text)
	if in.namedIn(text) {
		return true, nil
	}
	for _, m := range elsewhere.FindAllStringSubmatch(text, 16) {
		if !strings.HasPrefix(m[1], "/etc/") && !strings.HasPrefix(m[1], filepath.Dir(path)+"/") {
			continue
		}
		more, err := smallText(m[1])
		if err == nil && in.namedIn(withoutComments(more)) {
			return true, nil
		}
	}
	return false, nil
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if t := strings.TrimSpace(line); !strings.HasPrefix(t, "#") && !strings.HasPrefix(t, ";") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// smallText reads a regular file of up to 64 KiB; "" for anything else.
func smallText(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // a link to a unit that is gone
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return string(b), err
}
