package dss

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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

// Unit returns the boot unit that owns the instance, "" for none: the one of the
// configuration, or else the one whose files name exactly this data directory, by
// whatever path, or its installid. The error is an *AmbiguousUnitError.
func (in *Instance) Unit(ctx context.Context) (string, error) {
	if name := in.configuredUnit(); name != "" || in.o.Unit == NoUnit {
		return name, nil
	}
	return in.FindUnit(ctx)
}

// FindUnit looks for the boot unit, whatever the configuration says.
func (in *Instance) FindUnit(ctx context.Context) (string, error) {
	owner := in.unitOwner()
	found := map[claim][]string{}
	for _, u := range in.bootUnits(ctx) {
		c := owner.claims(&u)
		found[c] = append(found[c], u.name)
	}
	for _, c := range []claim{namesDir, namesID} {
		switch units := found[c]; len(units) {
		case 0:
		case 1:
			return units[0], nil
		default:
			return "", &AmbiguousUnitError{DataDir: in.DataDir, Units: units}
		}
	}
	return "", nil
}

// configuredUnit is the full name of the unit of the configuration; "" where it
// is to be looked for, and for NoUnit.
func (in *Instance) configuredUnit() string {
	switch {
	case in.o.Unit == NoUnit || in.o.Unit == "":
		return ""
	case strings.HasSuffix(in.o.Unit, ".service"):
		return in.o.Unit
	default:
		return in.o.Unit + ".service"
	}
}

// UnitIsConfigured reports whether the boot unit is named by the configuration.
func (in *Instance) UnitIsConfigured() bool { return in.configuredUnit() != "" }

// UnitFileExists reports whether one of the folders of units has a file for this
// unit.
func (in *Instance) UnitFileExists(unit string) bool {
	return slices.ContainsFunc(in.o.UnitDirs, func(dir string) bool {
		for _, name := range []string{unit, templateOf(unit)} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && name != "" {
				return true
			}
		}
		return false
	})
}

// claim is how much a unit says of an instance.
type claim int

const (
	namesNothing claim = iota
	// namesID: it names the installid, as the folder of settings that
	// install-boot.sh makes, and no data directory.
	namesID
	namesDir
)

// unitOwner is an instance whose unit is looked for.
type unitOwner struct {
	in   *Instance
	dir  os.FileInfo // nil while there is no data directory
	id   *regexp.Regexp
	same map[string]bool
}

func (in *Instance) unitOwner() *unitOwner {
	o := &unitOwner{in: in, same: map[string]bool{}}
	if info, err := os.Stat(in.DataDir); err == nil {
		o.dir = info
	}
	if h, err := in.head(); err == nil && len(h.installID) >= shortestID {
		o.id = regexp.MustCompile(`(?:^|[^A-Za-z0-9])` + regexp.QuoteMeta(h.installID) + `(?:[^A-Za-z0-9]|$)`)
	}
	return o
}

// shortestID is the length from which an installid is told from a word. DSS's
// own have 24 letters.
const shortestID = 12

// claims reports what the unit says of the instance. A data directory that it
// sets as DSS's own, or whose bin/dss it runs, decides.
func (o *unitOwner) claims(u *bootUnit) claim {
	set := append(dataDirs(u.runs), dataDirs(u.all)...)
	switch {
	case slices.ContainsFunc(set, o.sameDir), strings.Contains(u.runs, "bin/dss") && o.is(u.says.last("WorkingDirectory"), u):
		return namesDir
	case len(set) > 0:
		return namesNothing
	case (u.installed() || likely.MatchString(u.name)) && o.names(u):
		return namesDir
	case o.id != nil && o.id.MatchString(u.all):
		return namesID
	}
	return namesNothing
}

func (o *unitOwner) is(value string, u *bootUnit) bool {
	return value != "" && o.sameDir(expandUnit(withoutMarks(value), u.name, u.vars))
}

// dataDir finds data directories by what they are named for: DIP_HOME of older
// versions, DSS_DATADIR, and DIR/bin/dss.
var dataDir = lazyregexp.New(`(?m)(?:\b(?:DIP_HOME|DSS_DATADIR)=["']?(/[^\s"';]+)|(?:^|[\s"'=:;(])(/[^\s"';=:]+)/bin/dss\b)`)

func dataDirs(text string) []string {
	var out []string
	for _, m := range dataDir.FindAllStringSubmatch(text, 32) {
		out = append(out, m[1]+m[2])
	}
	return out
}

// names reports whether the unit names the data directory or something inside
// it, by whatever path.
func (o *unitOwner) names(u *bootUnit) bool {
	if o.in.namedIn(u.all) {
		return true
	}
	for _, m := range paths.FindAllStringSubmatch(u.all, 64) {
		for p := filepath.Clean(m[1]); len(p) > 1 && !systemProgram(p); p = filepath.Dir(p) {
			if o.sameDir(p) {
				return true
			}
		}
	}
	return false
}

// sameDir reports whether a path leads to the data directory, through links and
// mounts.
func (o *unitOwner) sameDir(path string) bool {
	path = filepath.Clean(path)
	if slices.Contains(o.in.dirs(), path) {
		return true
	}
	if o.dir == nil {
		return false
	}
	same, ok := o.same[path]
	if !ok {
		info, err := os.Stat(path)
		same = err == nil && os.SameFile(info, o.dir)
		o.same[path] = same
	}
	return same
}
