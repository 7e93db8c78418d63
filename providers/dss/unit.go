package dss

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/internal/lazyregexp"
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
		units, err := in.unitFiles(dir)
		if err != nil {
			return "", fmt.Errorf("look for boot units in %s: %w", dir, err)
		}
		for _, u := range units {
			// A unit in an earlier folder hides one of the same name.
			if seen[u.name] {
				continue
			}
			seen[u.name] = true
			if u.err != nil {
				return "", u.err
			}
			if slices.ContainsFunc(u.texts, in.namedIn) {
				found = append(found, u.name)
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

// unitFile is a boot unit, as far as it tells whose it is.
type unitFile struct {
	name string
	// texts are the unit's, without comments, and those of the small text files
	// that it refers to (an EnvironmentFile, a boot configuration). A masked unit
	// has none.
	texts []string
	err   error
}

// UnitFiles are the boot units of the machine, each folder read once: for
// looking at many instances. The zero value is ready for use.
type UnitFiles struct {
	mu   sync.Mutex
	dirs map[string]unitDir
}

type unitDir struct {
	units []unitFile
	err   error
}

// WithUnitFiles returns the same instance, which looks for its boot unit among
// these instead of reading them anew.
func (in *Instance) WithUnitFiles(u *UnitFiles) *Instance {
	out := *in
	out.units = u
	return &out
}

func (in *Instance) unitFiles(dir string) ([]unitFile, error) {
	if in.units == nil {
		return readUnits(dir)
	}
	in.units.mu.Lock()
	defer in.units.mu.Unlock()
	d, ok := in.units.dirs[dir]
	if !ok {
		d.units, d.err = readUnits(dir)
		if in.units.dirs == nil {
			in.units.dirs = map[string]unitDir{}
		}
		in.units.dirs[dir] = d
	}
	return d.units, d.err
}

// readUnits reads a folder's units, in the order of their names.
func readUnits(dir string) ([]unitFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "dataiku*.service"))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	out := make([]unitFile, 0, len(paths))
	for _, path := range paths {
		u := unitFile{name: filepath.Base(path)}
		u.texts, u.err = unitTexts(path)
		out = append(out, u)
	}
	return out, nil
}

// elsewhere finds the files that a unit takes its settings from.
var elsewhere = lazyregexp.New(`(?m)(?:^|[\s="'\-])(/[A-Za-z0-9_./@:\-]+)`)

func unitTexts(path string) ([]string, error) {
	text, err := smallText(path)
	if errors.Is(err, fs.ErrPermission) {
		// Units are public by default; a closed one is not for this account.
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the boot unit %s: %w", path, err)
	}
	text = withoutComments(text)
	texts := []string{text}
	for _, m := range elsewhere.FindAllStringSubmatch(text, 16) {
		if !strings.HasPrefix(m[1], "/etc/") && !strings.HasPrefix(m[1], filepath.Dir(path)+"/") {
			continue
		}
		if more, err := smallText(m[1]); err == nil {
			texts = append(texts, withoutComments(more))
		}
	}
	return texts, nil
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
