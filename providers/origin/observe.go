package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// observation is what an instance is to be made from, as it is today. Nil for
// an instance that is there.
type observation struct {
	// kitVersion is that of the declared kit, or of the source's; kitProblem
	// says why it is none.
	kit, kitVersion, kitProblem string
	// files are the declared files that cannot be read, by attribute.
	files map[string]string
	// folderProblem says why the data directory cannot be made.
	folderProblem string

	// Of a clone.
	source        *config.Instance
	sourceProblem string
	facts         dss.Facts
	sourceBytes   int64 // 0 when counting took too long
	database      dss.RuntimeDatabase
}

// Observe implements providers.Provider.
func (p *Provider) Observe(ctx context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	b := req.Desired.Child(Name)
	if !req.Absent || b == nil {
		return (*observation)(nil), nil
	}
	o := &observation{kit: b.String("kit"), files: map[string]string{}}
	o.lookAtFolder(req.Instance)
	for _, name := range []string{"license", "java_home", "python"} {
		if file := b.String(name); file != "" {
			if err := readable(file, name == "license"); err != nil {
				o.files[name] = err.Error()
			}
		}
	}
	if b.Labels[0] == byClone {
		o.lookAtSource(ctx, p.all[b.String("of")], req.Instance)
	}
	if o.kit != "" {
		var err error
		if o.kitVersion, err = kitVersion(o.kit); err != nil {
			o.kitProblem = err.Error()
		}
	}
	return o, context.Cause(ctx)
}

func (o *observation) lookAtFolder(in *dss.Instance) {
	where := in.DataDir
	if _, err := os.Lstat(where); err != nil {
		where = filepath.Dir(where)
	}
	if err := unix.Access(where, unix.W_OK|unix.X_OK); err != nil {
		o.folderProblem = fmt.Sprintf("the account that runs dssctl may not write in %s: %v", where, err)
	}
}

func (o *observation) lookAtSource(ctx context.Context, in *config.Instance, at *dss.Instance) {
	if in == nil {
		return
	}
	o.source = in
	src, err := openSource(at, &source{DataDir: in.DataDir, Companion: in.String("companion_dir"), Unit: unitOf(in)})
	if err == nil {
		src = src.Frozen()
		o.facts, err = src.Facts(ctx)
	}
	if err == nil {
		o.database, err = src.RuntimeDatabase()
	}
	if err != nil {
		o.sourceProblem = err.Error()
		return
	}
	if o.kit == "" {
		o.kit = o.facts.InstallDir
	}
	sctx, cancel := context.WithTimeout(ctx, sizeTimeout)
	defer cancel()
	if n, _, err := src.Size(sctx, "."); err == nil {
		o.sourceBytes = n
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

// kitVersion reads what the kit says of itself.
func kitVersion(kit string) (string, error) {
	const expected = "expected the folder that a dataiku-dss-VERSION.tar.gz was unpacked to"
	if info, err := os.Stat(filepath.Join(kit, "installer.sh")); err != nil || info.IsDir() {
		return "", fmt.Errorf("%s has no installer.sh; %s", kit, expected)
	}
	raw, err := os.ReadFile(filepath.Join(kit, "dss-version.json"))
	if err != nil {
		return "", fmt.Errorf("%w; %s", err, expected)
	}
	var v struct {
		Product string `json:"product_version"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || v.Product == "" {
		return "", fmt.Errorf("the dss-version.json of %s names no product_version; %s", kit, expected)
	}
	return v.Product, nil
}
