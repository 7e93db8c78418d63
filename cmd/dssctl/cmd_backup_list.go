package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/view"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// setOptions are the flags of the commands that look at sets.
type setOptions struct {
	varOptions
	json bool
}

func (o *setOptions) addFlags(f *pflag.FlagSet) {
	o.varOptions.addFlags(f)
	f.BoolVar(&o.json, "json", false, "print JSON")
}

func newBackupListCommand(w *world) *cobra.Command {
	var o setOptions
	cmd := &cobra.Command{
		Use:   "list [ADDRESS]... [-json]",
		Short: "List the backup sets",
		Long: `List the sets of each policy that is named, or of all, the newest first. Only
finished sets are listed; one that cannot be used says why.
` + exitStatusHelp,
		RunE: func(_ *cobra.Command, args []string) error { return w.runBackupList(o, args) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (w *world) runBackupList(o setOptions, addresses []string) error {
	rows, err := w.setRows(o.varOptions, addresses)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(w.stdout(), rows)
	}
	return view.Sets(w.stdout(), rows, w.clock.Now(), w.style(w.out))
}

func (w *world) setRows(o varOptions, addresses []string) ([]view.SetRow, error) {
	rows := []view.SetRow{}
	err := w.eachPolicy(o, addresses, func(b *config.Block, s set.Store) error {
		entries, err := s.List()
		if err != nil {
			return fmt.Errorf("%s: %w", b.Address, err)
		}
		for _, e := range entries {
			rows = append(rows, setRow(b.Address, e))
		}
		return nil
	})
	return rows, err
}

// eachPolicy calls f for every policy that the addresses name.
func (w *world) eachPolicy(o varOptions, addresses []string, f func(*config.Block, set.Store) error) error {
	estate, err := w.loadEstate(o, nil)
	if err != nil {
		return err
	}
	selection, err := w.policies(estate, addresses, nil)
	if err != nil {
		return err
	}
	for _, b := range selectedPolicies(selection) {
		if err := f(b, set.Store{Dir: b.String("destination")}); err != nil {
			return err
		}
	}
	return nil
}

func setRow(policy string, e set.Entry) view.SetRow {
	m := &e.Manifest
	r := view.SetRow{
		Set: e.ID, Policy: policy, Folder: e.Folder, Time: m.Time, Version: m.DSS.Version, Method: m.Part.Method,
		Consistency: m.Consistency, Bytes: m.Part.Bytes, Stored: m.Part.Stored, Files: m.Part.Files, Database: m.Database != nil,
	}
	r.State = string(e.State())
	if e.Broken != nil {
		r.Broken = e.Broken.Error()
	}
	return r
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func newBackupShowCommand(w *world) *cobra.Command {
	var o setOptions
	cmd := &cobra.Command{
		Use:   "show SET [-json]",
		Short: "Show what a backup set is of",
		Long: `Show a set's manifest: when and how it was made, of which DSS, what it holds, what
was left out, and where it lies.
` + exitStatusHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return w.runBackupShow(o, args[0]) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (w *world) runBackupShow(o setOptions, id string) error {
	errFound := errors.New("found")
	var policy string
	var entry set.Entry
	err := w.eachPolicy(o.varOptions, nil, func(b *config.Block, s set.Store) error {
		e, err := s.Get(id)
		if err != nil && e.ID == "" {
			return nil
		}
		policy, entry = b.Address, e
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
	case err != nil:
		return err
	default:
		return fmt.Errorf("no policy of this estate has a set %q; `dssctl backup list` shows those that are", id)
	}
	if was := (*set.StateError)(nil); entry.Broken != nil && (!errors.As(entry.Broken, &was) || was.State == set.Unknown) {
		return fmt.Errorf("the set %s cannot be used: %w", id, entry.Broken)
	}
	if o.json {
		row := setRow(policy, entry)
		return printJSON(w.stdout(), struct {
			set.Manifest
			State  string `json:"state"`
			Broken string `json:"broken,omitempty"`
		}{entry.Manifest, row.State, row.Broken})
	}
	return view.Set(w.stdout(), aboutSet(policy, entry), w.style(w.out))
}

// aboutSet is a manifest as a view shows it.
func aboutSet(policy string, e set.Entry) view.SetAbout {
	m := &e.Manifest
	out := view.SetAbout{
		SetRow: setRow(policy, e), Finished: m.Finished, Tool: m.Tool, Host: m.Host, DataDir: m.DataDir, NodeType: m.DSS.NodeType,
		View: m.View, Program: m.Part.Tool, Folders: m.Part.Folders, Repository: m.Part.Repository, Ref: m.Part.Ref, Needs: m.Part.Needs,
		Changed: m.Part.Changed, ChangedTotal: m.Part.ChangedTotal, LeftOut: m.Part.LeftOut,
		Excluded: append(append([]string(nil), m.Excluded.Classes...), m.Excluded.Globs...),
	}
	out.Followed = m.Part.Followed
	if outside := m.Outside; outside != nil {
		out.OutsideTotal, out.Programs = outside.LeftTotal, outside.Programs
		out.Outside = leads(outside.Left)
		if followed := leads(outside.Followed); len(followed) > 0 {
			out.Followed = followed
		}
	}
	if d := m.Database; d != nil {
		out.DatabaseAt = fmt.Sprintf("schema %s of database %s on %s:%d", d.Schema, d.Database, d.Host, d.Port)
		if d.Prefix != "" {
			out.DatabaseAt += ", prefix " + d.Prefix
		}
	}
	return out
}

// leads are links and mounts in words.
func leads(all []set.Lead) (out []string) {
	for _, l := range all {
		if l.Target == "" {
			out = append(out, l.Path+" (another file system)")
			continue
		}
		out = append(out, l.Path+" (to "+l.Target+")")
	}
	return out
}
