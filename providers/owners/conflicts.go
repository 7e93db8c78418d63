package owners

import (
	"fmt"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/realpath"
)

// Conflicts says, by address, which instances cannot be told apart by their
// folders: two addresses of one data directory, or dssctl's folder of one where it
// is another's. It is linear in the instances.
func Conflicts(all []*config.Instance) map[string]error {
	mounts, out := realpath.Look(), map[string]error{}
	dirs := realpath.NewIndex[*config.Instance](mounts)
	companions := map[string]*config.Instance{}
	first := map[string]*config.Instance{}
	refuse := func(in *config.Instance, format string, args ...any) {
		if out[in.Address] == nil {
			out[in.Address] = fmt.Errorf(format, args...)
		}
	}
	for _, in := range all {
		if in.DataDir == "" {
			continue
		}
		key := mounts.Key(in.DataDir)
		if other := first[key]; other != nil {
			for _, one := range []*config.Instance{other, in} {
				refuse(one, "%s (%s) and %s (%s) are one data directory, %s: declare it once", other.Address, other.DataDir, in.Address, in.DataDir, realpath.Resolve(in.DataDir))
			}
			continue
		}
		first[key] = in
		dirs.Add(in.DataDir, in)
	}
	for _, in := range all {
		if in.DataDir == "" || out[in.Address] != nil {
			continue
		}
		companion := companionOf(in)
		for _, other := range dirs.Around(companion) {
			if other != in { // its own is refused where it is opened
				refuse(in, "the companion folder %s of %s is inside the data directory %s of %s: choose one beside its own data directory", companion, in.Address, other.DataDir, other.Address)
			}
		}
		if other := companions[mounts.Key(companion)]; other != nil {
			refuse(in, "%s and %s have one companion folder, %s: what dssctl keeps of each would be taken for the other's; set companion_dir of one of them to another folder", other.Address, in.Address, companion)
			continue
		}
		companions[mounts.Key(companion)] = in
	}
	return out
}
