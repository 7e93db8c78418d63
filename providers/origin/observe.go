package origin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/realpath"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/owners"
)

// observation is what an instance is to be made from, as it is today. Nil for
// an instance that is there.
type observation struct {
	// kitVersion is that of the declared kit, or of the source's; kitProblem
	// says why it is none.
	kit, kitVersion, kitProblem string
	// files are the declared files that cannot be read, by attribute.
	files map[string]string
	// folderProblem says why the data directory cannot be made; owned whose the
	// place is, of it or of dssctl's folder beside it.
	folderProblem string
	owned         string
	// overlaps are attributes of folders that the data directory is in, or that
	// are in it: "kit", "of".
	overlaps map[string]bool
	there    bool // as an empty folder

	// source is what it is made of, nil for none. The rest is of a clone's, and
	// the facts also of one that projects come from.
	source        *config.Instance
	sourceProblem string
	facts         dss.Facts
	sourceBytes   int64 // 0 when counting took too long
	// links of the source lead out of its data directory: those at the top, and
	// deeper ones as far as was looked; linksProblem says why they cannot be cloned.
	links        []linked
	linksBelow   []string
	linksProblem string
	database     dss.RuntimeDatabase
	// held is the kind of snapshot that its data directory's file system has;
	// heldProblem says why none can be made. Where one is asked for.
	held, heldProblem string
	near              neighbours.Prefixes
}

// Observe implements providers.Provider.
func (p *Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	b := req.Desired.Child(Name)
	switch {
	case b == nil:
		return (*observation)(nil), nil
	case !req.Absent && b.Labels[0] == byProjects:
		return p.observeProjects(ctx, req, b)
	case !req.Absent:
		return (*observation)(nil), nil
	}
	o := &observation{kit: b.String("kit"), files: map[string]string{}, source: p.all[b.String("of")], near: p.near}
	o.lookAtFolder(req.Instance)
	o.lookForOwners(p.places, req)
	for _, name := range []string{"license", "java_home", "python"} {
		if file := b.String(name); file != "" {
			if err := readable(file, name == "license"); err != nil {
				o.files[name] = err.Error()
			}
		}
	}
	if kind := b.Labels[0]; (kind == byClone || kind == byProjects) && o.source != nil {
		o.lookAtSource(ctx, req.Desired, req.Instance, kind == byClone)
	}
	if o.kit != "" {
		var err error
		if o.kitVersion, err = dss.KitVersion(o.kit); err != nil {
			o.kitProblem = err.Error()
		}
	}
	o.overlaps = map[string]bool{"kit": o.kit != "" && realpath.Overlap(o.kit, req.Instance.DataDir)}
	if o.source != nil {
		o.overlaps["of"] = realpath.Overlap(o.source.DataDir, req.Instance.DataDir)
	}
	return o, context.Cause(ctx)
}

// lookForOwners looks whether what is to be made would be made in what belongs to
// an instance.
func (o *observation) lookForOwners(places *owners.Estate, req providers.ObserveRequest) {
	for _, dir := range []string{req.Instance.DataDir, req.Instance.Companion()} {
		for _, h := range places.Around(dir) {
			if own := h.Of == req.Address && (h.Kind == owners.DataDir || h.Kind == owners.Companion) && realpath.Same(h.Dir, dir); !own {
				o.owned = fmt.Sprintf("%s is in %s", dir, h)
				return
			}
		}
	}
}

func (o *observation) lookAtFolder(in *dss.Instance) {
	where := in.DataDir
	if o.there = exists(where); !o.there {
		where = filepath.Dir(where)
	}
	if err := unix.Access(where, unix.W_OK|unix.X_OK); err != nil {
		o.folderProblem = fmt.Sprintf("the account that runs dssctl may not write in %s: %v", where, err)
	}
}

// lookAtSource looks at all that a clone takes with it, or only at what the
// source is.
func (o *observation) lookAtSource(ctx context.Context, desired *config.Instance, at *dss.Instance, clone bool) {
	in := o.source
	src, err := openSource(at, sourceOf(in, dss.Facts{}))
	if err == nil {
		src = src.Frozen()
		o.facts, err = src.Facts(ctx)
	}
	if err == nil && clone {
		o.database, err = src.RuntimeDatabase()
	}
	if err != nil {
		o.sourceProblem = err.Error()
	}
	if err != nil || !clone {
		return
	}
	if o.kit == "" {
		o.kit = o.facts.InstallDir
	}
	sctx, cancel := context.WithTimeout(ctx, sizeTimeout)
	defer cancel()
	if desired.Child(Name).String("consistency") == bySnapshot {
		s, err := still.New(still.Auto, holding(src, asRoot(desired)))
		if err == nil {
			o.held, err = s.Name(), s.Check(sctx)
		}
		if err != nil {
			o.heldProblem = err.Error()
		}
	}
	m, err := still.Measure(sctx, src.DataDir, cloneLinks(src, o.facts.InstallDir, o.held != "", nil))
	o.links, o.linksBelow = linksAtTop(m.Followed), linksBelow(m.Followed)
	switch {
	case err == nil:
		o.sourceBytes = m.Bytes
	case sctx.Err() == nil:
		o.linksProblem = err.Error()
	}
}

func readable(path string, regular bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if regular && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	return unix.Access(path, unix.R_OK)
}
