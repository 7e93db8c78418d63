// Package owners knows which folders belong to an instance: its data directory
// with what its links lead to, its kit, dssctl's own folder beside it, and the
// destinations of its backups. Whoever is about to make something somewhere asks
// here first, so that nothing is written into what another instance lives on.
//
// It knows the estate's declarations and looks at files; it must not know what is
// to be written, or plans. Start with Survey and Estate.Around.
package owners

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// Kind is what a folder is to an instance.
type Kind string

// The kinds.
const (
	DataDir     Kind = "data directory"
	Linked      Kind = "linked folder"
	Kit         Kind = "kit"
	Companion   Kind = "companion folder"
	Destination Kind = "backup destination"
)

// Holding is a folder that belongs to an instance.
type Holding struct {
	Kind Kind
	Dir  string
	// Of is the address of the instance; "" for one that no file declares, which
	// was found by its own files.
	Of string
	// By is the name in the data directory that leads to a Linked folder.
	By string
}

func (h Holding) String() string {
	if h.Kind == Linked {
		return fmt.Sprintf("%s, to which %s of %s leads", h.Dir, h.By, h.Of)
	}
	return fmt.Sprintf("the %s %s of %s", h.Kind, h.Dir, cmp.Or(h.Of, "an instance that this estate does not declare"))
}

// Estate knows the folders of an estate's instances. It is safe for use from
// several goroutines.
type Estate struct {
	all   []*config.Instance
	once  sync.Once
	index *realpath.Index[Holding]
}

// Survey returns what the instances own. It looks at nothing before it is asked.
func Survey(all []*config.Instance) *Estate { return &Estate{all: all} }

// Around returns what the path is, or is in, from the innermost on: folders of the
// estate's instances, whether they are there yet or not, and those of others that
// are known by their files.
func (e *Estate) Around(path string) []Holding {
	e.once.Do(e.look)
	out := e.index.Around(path)
	for _, h := range found(path) {
		if !known(out, h) {
			out = append(out, h)
		}
	}
	return out
}

func known(all []Holding, h Holding) bool {
	for _, o := range all {
		if o.Kind == h.Kind && realpath.Same(o.Dir, h.Dir) {
			return true
		}
	}
	return false
}

func (e *Estate) look() {
	e.index = realpath.NewIndex[Holding](realpath.Look())
	for _, in := range e.all {
		for _, h := range of(in) {
			e.index.Add(h.Dir, h)
		}
	}
}

// of are the folders of one instance.
func of(in *config.Instance) []Holding {
	if in.DataDir == "" {
		return nil
	}
	out := []Holding{
		{Kind: DataDir, Dir: in.DataDir, Of: in.Address},
		{Kind: Companion, Dir: companionOf(in), Of: in.Address},
	}
	if kit := kitOf(in.DataDir); kit != "" {
		out = append(out, Holding{Kind: Kit, Dir: kit, Of: in.Address})
	}
	for name, resolved := range linksOut(in.DataDir) {
		out = append(out, Holding{Kind: Linked, Dir: resolved, Of: in.Address, By: name})
	}
	if in.Block == nil {
		return out
	}
	for _, b := range in.Children("backup") {
		if dir := b.String("destination"); dir != "" {
			out = append(out, Holding{Kind: Destination, Dir: dir, Of: in.Address})
		}
	}
	return out
}

func companionOf(in *config.Instance) string {
	if in.Block != nil && in.Has("companion_dir") {
		return in.String("companion_dir")
	}
	return realpath.Resolve(in.DataDir) + dss.CompanionSuffix
}

// kitOf is the kit that a data directory runs from; "" where that is not known.
func kitOf(dataDir string) string {
	raw, err := os.ReadFile(filepath.Join(dataDir, dss.EnvDefaultFile))
	if err != nil {
		return ""
	}
	return dss.ParseEnvFile(raw).Values()["DKUINSTALLDIR"]
}

// content are the folders of a data directory in which DSS keeps what is lost when
// something else works there.
var content = []string{
	"config", "databases", "timelines", "security", "bin", "lib", "local", "plugins", "resources", "uploads", "code-envs", "acode-envs", "R.lib",
	"pyenv", "bundles", "notebook_results", "managed_folders", "managed_datasets", "analysis-data", "saved_models", "run", "jobs", "scenarios",
	"tmp", "caches", "exports", "prepared_bundles", "apinode-packages",
}

// linksOut are the folders that the links at the top of a data directory lead to,
// by the links' names, where that is not inside. A link of the administrator's own,
// such as to where backups are, makes nothing DSS's.
func linksOut(dataDir string) map[string]string {
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return nil // not made yet, or its own observation says so
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || !slices.Contains(content, e.Name()) {
			continue
		}
		target := realpath.Resolve(filepath.Join(dataDir, e.Name()))
		info, err := os.Stat(target)
		if err == nil && info.IsDir() && !realpath.Inside(target, dataDir) && !shared(target) {
			out[e.Name()] = target
		}
	}
	return out
}

// shared reports whether a folder is the machine's, to which many lead.
func shared(dir string) bool {
	return OfSystem(dir) || dir == "/" || dir == "/etc" || dir == os.TempDir()
}

// Found returns what the path is, or is in, of instances that are known by their
// files, whether an estate declares them or not.
func Found(path string) []Holding { return found(path) }

// Uses reports whether the data directory of a living instance has a link at its
// top that leads to the path, into it, or to what it is in.
func Uses(dataDir, path string) bool {
	if dataDir == "" || !dss.IsDataDir(dataDir) {
		return false
	}
	for _, resolved := range linksOut(dataDir) {
		if realpath.Overlap(resolved, path) {
			return true
		}
	}
	return false
}

// OfSystem reports whether a path is in a folder of the machine's own programs,
// which no instance writes to.
func OfSystem(path string) bool {
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/opt/rh", "/proc", "/sys"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// found looks for the files by which folders of instances are known, in the path
// and in each folder above it.
func found(path string) []Holding {
	var out []Holding
	for dir := realpath.Resolve(path); ; dir = filepath.Dir(dir) {
		if h, ok := recognized(dir); ok {
			out = append(out, h)
		}
		if dir == filepath.Dir(dir) {
			return out
		}
	}
}

func recognized(dir string) (Holding, bool) {
	if dss.IsDataDir(dir) {
		return Holding{Kind: DataDir, Dir: dir}, true
	}
	if _, err := dss.KitVersion(dir); err == nil {
		return Holding{Kind: Kit, Dir: dir}, true
	}
	if owner, err := (set.Store{Dir: dir}).Owner(); err == nil && owner != nil {
		return Holding{Kind: Destination, Dir: dir}, true
	}
	if data, ok := strings.CutSuffix(dir, dss.CompanionSuffix); ok && dss.IsDataDir(data) {
		return Holding{Kind: Companion, Dir: dir}, true
	}
	return Holding{}, false
}
