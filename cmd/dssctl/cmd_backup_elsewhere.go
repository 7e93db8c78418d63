package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/planner"
	"github.com/dssctl/dssctl/providers/backup"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/service"
	"github.com/dssctl/dssctl/state"
)

// elsewhereOptions are the flags of a restore to another place.
type elsewhereOptions struct {
	dataDir, kit     string
	port             int
	host             string
	dbPort           int
	database, schema string
	prefix           string
	flags            *pflag.FlagSet
}

func (o *elsewhereOptions) addFlags(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.dataDir, "data-dir", "", "make an instance in this `DIR`, which must not be there")
	f.StringVar(&o.kit, "kit", "", "the `KIT` to attach it to: the folder of an unpacked dataiku-dss-VERSION.tar.gz")
	f.IntVar(&o.port, "port", 0, "its base `PORT`, where the original is still there")
	f.StringVar(&o.host, "pg-host", "", "the `HOST` of its runtime databases, where it is another one")
	f.IntVar(&o.dbPort, "pg-port", 0, "the `PORT` of that server")
	f.StringVar(&o.database, "pg-database", "", "the `NAME` of the database there")
	f.StringVar(&o.schema, "pg-schema", "", "the `SCHEMA` of its tables, where the original is still there")
	f.StringVar(&o.prefix, "pg-prefix", "", "the `PREFIX` of its tables; \"\" for none")
}

var elsewhereFlags = []string{"kit", "port", "pg-host", "pg-port", "pg-database", "pg-schema", "pg-prefix"}

// unused refuses flags that mean nothing without -data-dir.
func (o *elsewhereOptions) unused() error {
	for _, name := range elsewhereFlags {
		if o.flags.Changed(name) {
			return fmt.Errorf("-%s goes with -data-dir: in place, everything is as the set says", name)
		}
	}
	return nil
}

// elsewhere is what the flags ask for, with the kit looked at.
func (w *world) elsewhere(o *elsewhereOptions) (*backup.Elsewhere, error) {
	if o.kit == "" {
		return nil, errors.New("-data-dir needs -kit: the folder of the unpacked kit that DSS is to run from")
	}
	out := &backup.Elsewhere{Port: o.port, Host: o.host, DBPort: o.dbPort, Database: o.database, Schema: o.schema}
	if o.flags.Changed("pg-prefix") {
		out.Prefix = &o.prefix
	}
	var err error
	if out.DataDir, err = absolute(w.dir(), o.dataDir); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(out.DataDir); err == nil {
		return nil, fmt.Errorf("%s is there: a restore elsewhere makes a new data directory and overwrites none", out.DataDir)
	}
	if out.Kit, err = absolute(w.dir(), o.kit); err != nil {
		return nil, err
	}
	if out.KitVersion, err = dss.KitVersion(out.Kit); err != nil {
		return nil, err
	}
	if o.port != 0 && (o.port < 1024 || o.port > 65526) {
		return nil, fmt.Errorf("-port is %d; expected a base port from 1024 to 65526", o.port)
	}
	return out, nil
}

func absolute(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Abs(path)
}

// runRestoreElsewhere restores without the original, which may be lost: it is
// not looked at.
func (w *world) runRestoreElsewhere(ctx context.Context, o restoreOptions, order backup.Order, address string) (err error) {
	if o.elsewhere.dataDir != "" {
		if order.Restore.Elsewhere, err = w.elsewhere(&o.elsewhere); err != nil {
			return err
		}
	}
	return w.ordered(ctx, o.orderOptions, &order, []string{address}, func(ctx context.Context, estate *config.Estate, selection *config.Selection, store state.Store) (*planned, error) {
		in, b, err := onePolicy(selection, address)
		if err != nil {
			return nil, err
		}
		meta, err := store.Meta(ctx)
		if err != nil {
			return nil, err
		}
		made := plan.Instance{Address: "restore." + in.Address, DataDir: in.DataDir, CompanionDir: companionOf(in), Bare: true, Foreign: true}
		var closings []plan.Action
		if e := order.Restore.Elsewhere; e != nil {
			made.DataDir, made.CompanionDir = e.DataDir, ""
			made.Seen.Notes = []string{"not there yet"}
			closings = service.StartNew(in)
		}
		steps, diags := w.backups(&order).Apart(estate.Instances, estate.Secrets, in, b, w.clock.Now())
		p, diags := planner.MakeApart(planner.Input{
			Version: version, Now: w.clock.Now(), Estate: estate, Targets: []string{address}, Meta: meta,
		}, made, steps, closings, diags)
		foreseen, err := w.foresee(ctx, estate, store, p)
		if err != nil {
			return nil, err
		}
		return &planned{plan: p, diags: append(diags, foreseen...), estate: estate, meta: meta}, nil
	})
}

// onePolicy is the only policy of a selection.
func onePolicy(s *config.Selection, address string) (*config.Instance, *config.Block, error) {
	var in *config.Instance
	var found []*config.Block
	for _, i := range s.Instances() {
		for _, b := range i.Children(backup.Name) {
			if s.IncludesBlock(i.Address, backup.Name+"."+b.Labels[0]) {
				in, found = i, append(found, b)
			}
		}
	}
	if len(found) != 1 {
		return nil, nil, fmt.Errorf("%s stands for %d policies: name one, such as %s", address, len(found), found[0].Address)
	}
	return in, found[0], nil
}
