package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/doctor"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/runtimedb"
	"github.com/dssctl/dssctl/providers/service"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	varOptions
	dataDir     string
	json        bool
	parallelism int
}

func newDoctorCommand(w *world) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [ADDRESS | -data-dir DIR] [-json]",
		Short: "Check instances against what DSS's documentation asks for",
		Long: `Look at each instance, or one, and at this machine: limits, locale, memory, git,
Java, Python, file system, mounts, owners, ports, heap sizes, disk, clock, kit,
PostgreSQL. It also makes the checks that every plan makes before it stops DSS:
whether files can be replaced, and whether there is room for a safety backup. Each
finding names the page of DSS's documentation that asks for it, and what to do.
Nothing is changed. With -data-dir, an instance is examined that no file declares.

It ends with 1 when a check failed; warnings do not count.
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return w.runDoctor(cmd.Context(), o, args) },
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "", "examine the instance in this `DIR`, which no file needs to declare")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().IntVar(&o.parallelism, "parallelism", 8, "look at `N` instances at a time")
	return cmd
}

func (w *world) runDoctor(ctx context.Context, o doctorOptions, args []string) error {
	ctx, sig := w.watchSignals(ctx, false)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	estate, selection, err := w.patients(o, args)
	if err != nil {
		return err
	}
	seen, err := providers.ObserveAll(ctx, providers.ObserveOptions{
		Estate: estate, Includes: selection.Includes, Recorded: func(string) providers.AspectRecords { return nil },
		Providers: []providers.Provider{runtimedb.New()}, Parallelism: o.parallelism,
		Open: func(in *config.Instance) (*dss.Instance, error) {
			return w.openInstance(in.DataDir, companionOf(in), w.runner)
		},
	})
	if err != nil {
		return err
	}
	ports := w.ports(estate)
	bad := false
	reports := make([]view.DoctorReport, 0, len(seen))
	for i := range seen {
		r, err := w.examine(ctx, &seen[i], ports)
		if err != nil {
			return err
		}
		for _, f := range r.Findings {
			bad = bad || f.Status == string(doctor.Failed)
		}
		reports = append(reports, r)
	}
	if o.json {
		enc := json.NewEncoder(w.stdout())
		enc.SetIndent("", "  ")
		err = enc.Encode(reports)
	} else {
		err = view.Doctor(w.stdout(), reports, w.style(w.out))
	}
	if err == nil && bad {
		return &codeError{code: exitError}
	}
	return err
}

// patients are the instances to examine.
func (w *world) patients(o doctorOptions, args []string) (*config.Estate, *config.Selection, error) {
	if o.dataDir != "" {
		if len(args) > 0 {
			return nil, nil, errors.New("an address names a declared instance, and -data-dir one that need not be: give one of them")
		}
		dir, err := filepath.Abs(o.dataDir)
		if err != nil {
			return nil, nil, fmt.Errorf("examine %s: %w", o.dataDir, err)
		}
		in := config.Undeclared("undeclared", dir)
		estate := &config.Estate{Instances: []*config.Instance{in}, Secrets: secret.Values{}}
		selection, err := estate.Select(nil, nil)
		return estate, selection, err
	}
	estate, err := w.loadEstate(o.varOptions, nil)
	if err != nil {
		return nil, nil, err
	}
	selection, err := estate.Select(args, nil)
	return estate, selection, err
}

// ports are the live base ports of the estate's instances, also of those that
// are not examined. What cannot be read is left out: it has findings of its own.
func (w *world) ports(estate *config.Estate) map[string]int {
	out := map[string]int{}
	for _, in := range estate.Instances {
		inst, err := w.openInstance(in.DataDir, companionOf(in), w.runner)
		if err != nil {
			continue
		}
		if port, err := inst.BasePort(); err == nil {
			out[in.Address] = port
		}
	}
	return out
}

// examine runs the checks over one instance.
func (w *world) examine(ctx context.Context, seen *providers.Observed, ports map[string]int) (view.DoctorReport, error) {
	in := seen.Instance
	out := view.DoctorReport{Address: in.Address, DataDir: in.DataDir, Version: seen.Facts.Version}
	inst, err := w.openInstance(in.DataDir, companionOf(in), w.runner)
	if err == nil && seen.Facts.Version == "" {
		err = seen.Err
	}
	if err != nil {
		out.Findings = []view.DoctorFinding{{
			Check: "instance", Status: string(doctor.Failed), Found: w.redactor.String(err.Error()),
			Remedy: "The other checks need to read it: mend this first.",
		}}
		return out, nil
	}
	s := &doctor.Subject{
		Address: in.Address, DataDir: inst.Path(), Facts: seen.Facts, Instance: inst.WithUnit(service.DeclaredUnit(in)),
		Machine: doctor.System(w.runner, w.clock), Others: map[string]int{},
	}
	for address, port := range ports {
		if address != in.Address {
			s.Others[address] = port
		}
	}
	if s.INI, err = inst.InstallINI(); err != nil {
		return out, err
	}
	if s.Env, err = inst.EnvDefault(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, err
	}
	if o, ok := seen.Observations[runtimedb.Name].(providers.RuntimeObservation); ok {
		server := o.RuntimeServer()
		s.Server = &server
	}
	all, err := doctor.Examine(ctx, s)
	if err != nil {
		return out, err
	}
	for _, f := range all {
		out.Findings = append(out.Findings, view.DoctorFinding{
			Check: f.Check, Status: string(f.Status), Found: w.redactor.String(f.Found), Remedy: f.Remedy, Source: f.Source,
		})
	}
	return out, nil
}
