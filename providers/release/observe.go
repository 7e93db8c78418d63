package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/volume"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/owners"
)

// The files by which integrations are seen.
const (
	hadoopFile = "bin/env-hadoop.sh"
	sparkFile  = "bin/env-spark.sh"
)

// Observation is what was seen of an instance's release.
type Observation struct {
	marks
	// Root is where the kit is unpacked to, resolved as far as it exists, and
	// Kit the kit's own folder there; "" without a block.
	Root, Kit string
	// Misplaced says in whose folder the kit would be; "" for nobody's.
	Misplaced string
	// KitVersion is that of the folder Kit; "" where there is none, and
	// KitProblem says why one that is there is none.
	KitVersion, KitProblem string
	// RootProblem says why nothing can be unpacked there.
	RootProblem string
	ArchiveSize int64
	// ArchiveProblem says why the archive cannot be used.
	ArchiveProblem string
	// Free is what the kit's file system has left; -1 when not known.
	Free int64
	// FromKit says whether the present kit's installer is there.
	FromKit bool
	// OwnJava is the program that DSS uses now, where it is not the machine's
	// default, which is MachineJava; "" for none.
	OwnJava, MachineJava string
	// Database says where the runtime databases are.
	Database        dss.RuntimeDatabase
	DatabaseProblem string
	// Others are other instances' prefixes that begin with this one's.
	Others []string
	// Open are the steps that wait for a person, Done those that were seen done.
	Open, Done []manual
}

// marks are what tells which integrations an instance has.
type marks struct {
	R, Graphics, Hadoop, Spark, Impersonation, Images bool
	// Wrapper is the program that acts for other accounts.
	Wrapper string
	// Owner is the account that the data directory belongs to.
	Owner string
}

// Headline tells the steps that wait for a person.
func (o *Observation) Headline() string {
	switch n := len(o.Open); n {
	case 0:
		return ""
	case 1:
		return "1 step by hand is open: " + o.Open[0].Title
	default:
		return fmt.Sprintf("%d steps by hand are open", n)
	}
}

// Survey implements providers.Surveyor: kits are shared, and one that another
// instance uses is not removed; and so are schemas, of which an instance's tables
// are dumped and no neighbour's.
func (p *Provider) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	out := &Provider{near: neighbours.Survey(all, r), places: owners.Survey(all)}
	asked := false
	for _, in := range all {
		if b := declared(in); b != nil && b.Has("keep_kits") {
			asked = true
			break
		}
	}
	if !asked {
		return out
	}
	out.users = map[string][]string{}
	for _, in := range all {
		raw, err := os.ReadFile(filepath.Join(in.DataDir, dss.EnvDefaultFile))
		if err != nil {
			continue // its own observation says so
		}
		if kit := dss.ParseEnvFile(raw).Values()["DKUINSTALLDIR"]; kit != "" {
			out.users[resolve(kit)] = append(out.users[resolve(kit)], in.DataDir)
		}
	}
	return out
}

// Observe implements providers.Provider.
func (p *Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	rec, err := readRecord(req.Recorded)
	if err != nil {
		return nil, err
	}
	b := declared(req.Desired)
	asked := b != nil || req.Desired != nil && req.Desired.Block != nil && len(req.Desired.Children(Integration)) > 0
	o := &Observation{Free: -1}
	if !asked && rec.empty() {
		return o, nil
	}
	if err := o.look(req.Instance); err != nil {
		return nil, err
	}
	for _, key := range sortedKeys(rec.Manual) {
		m := rec.Manual[key]
		if m.seenDone(req.Instance, req.Desired, req.Facts.Version) {
			o.Done = append(o.Done, m)
		} else {
			o.Open = append(o.Open, m)
		}
	}
	if b != nil {
		o.lookAtKit(req, b)
		o.Misplaced = p.misplaced(req.Instance, o.Root, o.Kit)
		if o.Database, err = req.Instance.RuntimeDatabase(); err != nil {
			o.DatabaseProblem = err.Error()
		} else if login, place, err := o.Database.Target(); err == nil && o.Database.External {
			o.Others = p.near.Others(req.Desired, login, place)
		}
	}
	return o, context.Cause(ctx)
}

func (o *Observation) lookAtKit(req providers.ObserveRequest, b *config.Block) {
	root := b.String("install_root")
	if root == "" && req.Facts.InstallDir != "" {
		root = filepath.Dir(resolve(req.Facts.InstallDir))
	}
	if root == "" {
		return
	}
	o.Root = resolve(root)
	o.Kit = filepath.Join(o.Root, kitName(b.String("version")))
	o.KitVersion, o.KitProblem = lookKit(o.Kit)
	if o.KitVersion == "" && o.KitProblem == "" {
		o.RootProblem = writable(o.Root)
	}
	o.Free = -1
	if n, err := volume.Free(o.Root); err == nil {
		o.Free = n
	}
	if archive := b.String("archive"); archive != "" {
		info, err := os.Stat(archive)
		switch {
		case err != nil:
			o.ArchiveProblem = reason(err)
		case !info.Mode().IsRegular():
			o.ArchiveProblem = "it is no regular file"
		case unix.Access(archive, unix.R_OK) != nil:
			o.ArchiveProblem = "this account may not read it"
		default:
			o.ArchiveSize = info.Size()
		}
	}
	if req.Facts.InstallDir != "" {
		info, err := os.Stat(filepath.Join(req.Facts.InstallDir, "installer.sh"))
		o.FromKit = err == nil && info.Mode().IsRegular()
	}
	if env, err := req.Instance.EnvDefault(); err == nil {
		o.MachineJava = lookPath("java")
		o.OwnJava = ownJava(env["DKUJAVABIN"], o.MachineJava)
	}
}

// ownJava is what bin/env-default.sh names as Java, where that is not the
// machine's. A bare name is looked for as a shell does, on the PATH.
func ownJava(named, machine string) string {
	path := named
	if !strings.Contains(named, "/") {
		path = lookPath(named)
	}
	if path == "" || resolve(path) == resolve(machine) {
		return ""
	}
	return named
}

// look reads what tells which integrations are there.
func (m *marks) look(in *dss.Instance) error {
	if entries, err := os.ReadDir(in.Path("R.lib")); err == nil {
		m.R = len(entries) > 0
	}
	m.Hadoop, m.Spark = exists(in.Path(hadoopFile)), exists(in.Path(sparkFile))
	ini, err := in.InstallINI()
	if err != nil {
		return err
	}
	if wrapper, ok := ini.Get("mus", "exec_wrapper_location"); ok {
		m.Impersonation, m.Wrapper = true, strings.TrimSpace(wrapper)
	}
	m.Owner = owner(in.DataDir)
	doc, err := in.Settings()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if raw, ok := doc.Get("/graphicsExportsEnabled"); ok {
		m.Graphics = string(raw) == "true"
	}
	if raw, ok := doc.Get("/containerSettings/executionConfigs"); ok {
		var all []json.RawMessage
		m.Images = json.Unmarshal(raw, &all) == nil && len(all) > 0
	}
	return nil
}

// lookKit says of which version the kit in a folder is; both are "" where there
// is nothing.
func lookKit(dir string) (version, problem string) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", ""
	}
	version, err := kitVersion(dir)
	if err != nil {
		return "", err.Error()
	}
	return version, ""
}

// writable says why a folder, or the nearest one above it that is there, cannot
// be written to.
func writable(dir string) string {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			return reason(err)
		case !info.IsDir():
			return dir + " is no folder"
		case unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
			return "this account may not write in " + dir
		}
		return ""
	}
}

// resolve follows symlinks as far as the path exists.
func resolve(path string) string {
	if path == "" {
		return ""
	}
	return realpath.Resolve(path)
}

// misplaced says in whose folder a kit would be. Kits may share a folder.
func (p *Provider) misplaced(inst *dss.Instance, root, kit string) string {
	if root == "" {
		return ""
	}
	for _, dir := range []string{root, kit} {
		if realpath.Inside(dir, inst.DataDir) {
			return "the data directory " + inst.DataDir
		}
		for _, h := range p.places.Around(dir) {
			if h.Kind != owners.Kit {
				return h.String()
			}
		}
	}
	return ""
}

// owner is the account that a folder belongs to; its number where it has no
// name.
func owner(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return "USER"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "USER"
	}
	id := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reason is what is wrong, without the path.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
