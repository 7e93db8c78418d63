package install

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/iniedit"
)

// claim is a block of ports that a data directory has or is to have.
type claim struct {
	// who is an instance's address, and "" where the data directory is of none.
	who, dataDir string
	base         int
}

// claims are in the order of their base ports.
type claims []claim

// overlapping are those that share a port with a block.
func (c claims) overlapping(base int) claims {
	from, _ := slices.BinarySearchFunc(c, base-block+1, func(c claim, base int) int { return cmp.Compare(c.base, base) })
	to := from
	for to < len(c) && c[to].base < base+block {
		to++
	}
	return c[from:to]
}

// survey finds the ports of data directories that a plan may not look at: of a
// stopped instance nobody listens. Each place is looked at once.
type survey struct {
	all []*config.Instance

	mu     sync.Mutex
	mine   *claims
	dirs   map[string]bool // the estate's data directories
	others map[string]*claims
}

// estate are the ports of the estate's instances: the declared ones, and those
// that install.ini has until that is so.
func (s *survey) estate() *claims {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine != nil {
		return s.mine
	}
	s.mine, s.dirs = &claims{}, make(map[string]bool, len(s.all))
	for _, in := range s.all {
		s.dirs[resolved(in.DataDir)] = true
		live, want := basePort(in.DataDir), 0
		if b := declared(in, "port"); b != nil {
			want = int(b.Int("port"))
		}
		for _, base := range []int{live, want} {
			if base != 0 && (base == want || live != want) {
				*s.mine = append(*s.mine, claim{who: in.Address, dataDir: in.DataDir, base: base})
			}
		}
	}
	s.mine.sort()
	return s.mine
}

// besideMost bounds a look into a folder.
const besideMost = 1000

// beside are the ports of data directories of no instance, in a data directory's
// own parent folder: more of them would have to be searched for.
func (s *survey) beside(dataDir string) *claims {
	s.estate()
	s.mu.Lock()
	defer s.mu.Unlock()
	folder := filepath.Dir(dataDir)
	if c := s.others[folder]; c != nil {
		return c
	}
	c := &claims{}
	if s.others == nil {
		s.others = map[string]*claims{}
	}
	s.others[folder] = c
	f, err := os.Open(folder)
	if err != nil {
		return c // whoever needs the folder says so
	}
	defer f.Close()
	entries, _ := f.ReadDir(besideMost) // what was read of it will do
	for _, e := range entries {
		dir := filepath.Join(folder, e.Name())
		// Hidden ones are copies on their way, dssctl's own among them.
		if strings.HasPrefix(e.Name(), ".") || s.dirs[resolved(dir)] {
			continue
		}
		if base := basePort(dir); base != 0 {
			*c = append(*c, claim{dataDir: dir, base: base})
		}
	}
	c.sort()
	return c
}

func (c claims) sort() {
	slices.SortStableFunc(c, func(a, b claim) int { return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.dataDir, b.dataDir)) })
}

func resolved(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return filepath.Clean(dir)
}

// basePort is that of a data directory's install.ini; 0 for none that can be read.
func basePort(dataDir string) int {
	path := filepath.Join(dataDir, "install.ini")
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return 0
	}
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return 0
	}
	ini, err := iniedit.Parse(raw)
	if err != nil {
		return 0
	}
	text, _ := ini.Get("server", "port")
	base, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || base < 1 || base > 65535-block+1 {
		return 0
	}
	return base
}
