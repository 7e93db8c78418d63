package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	goversion "github.com/hashicorp/go-version"
	"github.com/spf13/cobra"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/providers/dss"
)

// initOptions are the flags of init.
type initOptions struct {
	dataDirs []string
	search   []string
	all      bool
}

func newInitCommand(w *world) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [-data-dir [NAME=]DIR] [-search DIR] [-all]",
		Short: "Start an estate from the instances on this machine",
		Long: `Find the data directories on this machine and write the files that declare their
instances as they are, so that the first plan is empty: estate.dss.hcl, and
NAME.dss.hcl for each instance. At a terminal it asks which ones, and for their
names. Elsewhere, name them with -data-dir, or take all that are found with -all.

It looks in the usual places, four folders deep at most, or in those given with
-search. No instance is touched, and no file is overwritten.
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.runInit(cmd.Context(), o) },
	}
	cmd.Flags().StringArrayVar(&o.dataDirs, "data-dir", nil, "take over the instance in this `[NAME=]DIR`, without looking for others; may be repeated")
	cmd.Flags().StringArrayVar(&o.search, "search", nil, "look for data directories in this `DIR`, not in the usual places; may be repeated")
	cmd.Flags().BoolVar(&o.all, "all", false, "take over all that are found, without asking")
	return cmd
}

// candidate is an instance that may be taken over.
type candidate struct{ name, dir, about string }

func (w *world) runInit(ctx context.Context, o initOptions) error {
	ctx, sig := w.watchSignals(ctx, false)
	defer func() { sig.finish(); noteSignal(ctx, sig.signal()) }()
	if err := w.checkFresh(); err != nil {
		return err
	}
	chosen, err := w.choose(ctx, o)
	if err != nil {
		return err
	}
	files, order := map[string][]byte{}, []string{}
	add := func(name string, src []byte) {
		files[name] = src
		order = append(order, name)
	}
	add("estate.dss.hcl", []byte(estateFile()))
	for _, c := range chosen {
		src, err := w.draft(ctx, c.name, c.dir)
		if err != nil {
			return fmt.Errorf("take over %s: %w", c.dir, err)
		}
		add(c.name+".dss.hcl", append([]byte(fmt.Sprintf("# %s, as it was found.\n\n", c.about)), src...))
	}
	for _, name := range order {
		if err := w.writeNew(name, files[name]); err != nil {
			return err
		}
	}
	if _, err := w.loadEstate(varOptions{}, nil); err != nil {
		return err
	}
	out := w.stdout()
	for _, name := range order {
		fmt.Fprintf(out, "Wrote %s\n", filepath.Join(w.dir(), name))
	}
	_, err = fmt.Fprintf(out, `
The first plan shows no changes:   dssctl plan
What may be declared:              dssctl schema
What DSS asks of this machine:     dssctl doctor
Keep the files in version control; the folder .dssctl stays here and out of it.
`)
	return err
}

// checkFresh refuses a folder that is an estate already.
func (w *world) checkFresh() error {
	entries, err := os.ReadDir(w.dir())
	if err != nil {
		return fmt.Errorf("start an estate: %w", err)
	}
	for _, e := range entries {
		if config.IsConfigFile(e.Name()) {
			return fmt.Errorf("there is an estate in this folder already (%s): add an instance to it with `dssctl import NAME -data-dir DIR`", e.Name())
		}
	}
	return nil
}

// choose finds out which instances to take over.
func (w *world) choose(ctx context.Context, o initOptions) ([]candidate, error) {
	taken := map[string]bool{"estate": true}
	if len(o.dataDirs) > 0 {
		return w.given(ctx, o.dataDirs, taken)
	}
	found, err := w.find(ctx, o.search, taken)
	if err != nil {
		return nil, err
	}
	switch {
	case o.all:
		return found, nil
	case !w.interactive():
		var b strings.Builder
		for _, c := range found {
			fmt.Fprintf(&b, "\n  -data-dir %s=%s", c.name, c.dir)
		}
		return nil, fmt.Errorf("nobody can be asked here (no terminal): take all with -all, or name those to take over:%s", b.String())
	}
	return w.askWhich(found, taken)
}

// given are the instances of -data-dir.
func (w *world) given(ctx context.Context, args []string, taken map[string]bool) ([]candidate, error) {
	var out []candidate
	for _, arg := range args {
		name, dir, named := strings.Cut(arg, "=")
		if !named || strings.Contains(name, "/") {
			name, dir = "", arg
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("-data-dir %s: %w", arg, err)
		}
		c, err := w.lookAt(ctx, dir, taken)
		if err != nil {
			return nil, err
		}
		if name != "" {
			delete(taken, c.name)
			if err := checkName(name, taken); err != nil {
				return nil, fmt.Errorf("-data-dir %s: %w", arg, err)
			}
			c.name = name
			taken[name] = true
		}
		out = append(out, c)
	}
	return out, nil
}

// find looks for data directories. What this account may not look at is told.
func (w *world) find(ctx context.Context, places []string, taken map[string]bool) ([]candidate, error) {
	if len(places) == 0 {
		places = dss.UsualPlaces(w.getenv("HOME"))
	}
	dirs, whole, err := dss.Find(ctx, places)
	if err != nil {
		return nil, fmt.Errorf("look for data directories: %w", err)
	}
	if !whole {
		fmt.Fprintln(w.stderr(), "There are more folders than are looked at: narrow the search with -search DIR.")
	}
	var out []candidate
	for _, dir := range dirs {
		c, err := w.lookAt(ctx, dir, taken)
		if err != nil {
			w.say("Left out: %s: %v\n", dir, err)
			continue
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no data directory of DSS that this account may use was found in %s: name one with -data-dir DIR, or another place with -search DIR", strings.Join(places, ", "))
	}
	return out, nil
}

// lookAt says what an instance is, and gives it a name.
func (w *world) lookAt(ctx context.Context, dir string, taken map[string]bool) (candidate, error) {
	inst, err := w.openInstance(dir, "", w.runner)
	if err != nil {
		return candidate{}, err
	}
	f, err := inst.Facts(ctx)
	if err != nil {
		return candidate{}, err
	}
	name := f.NodeID
	if name == "" {
		name = filepath.Base(dir)
	}
	base := identifier(name, f.NodeType)
	name = base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	taken[name] = true
	return candidate{name: name, dir: dir, about: fmt.Sprintf("DSS %s, %s node, port %d, %s", f.Version, f.NodeType, f.Port, f.Service)}, nil
}

// identifier makes a name for addresses of one that may be anything.
func identifier(name, fallback string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
	clean = strings.Trim(clean, "_-")
	switch {
	case clean == "":
		return fallback
	case clean[0] >= '0' && clean[0] <= '9':
		return fallback + "_" + clean
	}
	return clean
}

func checkName(name string, taken map[string]bool) error {
	switch {
	case identifier(name, "") != name:
		return fmt.Errorf("%q is no name for an instance: a letter, then letters, digits, - and _", name)
	case taken[name]:
		return fmt.Errorf("the name %q is taken", name)
	}
	return nil
}

// askWhich asks for each instance whether to take it over, and for its name.
func (w *world) askWhich(found []candidate, taken map[string]bool) ([]candidate, error) {
	out := w.stderr()
	fmt.Fprintf(out, "For each instance, give it a name, press Enter for the one proposed, or type - to leave it out.\n")
	var chosen []candidate
	for _, c := range found {
		delete(taken, c.name)
		for {
			fmt.Fprintf(out, "\n%s\n  %s\n  name [%s]: ", c.dir, c.about, c.name)
			answer, err := w.readLine()
			if err != nil {
				return nil, err
			}
			answer = strings.TrimSpace(answer)
			if answer == "-" {
				break
			}
			if answer == "" {
				answer = c.name
			}
			if err := checkName(answer, taken); err != nil {
				fmt.Fprintf(out, "  %v\n", err)
				continue
			}
			c.name = answer
			taken[answer] = true
			chosen = append(chosen, c)
			break
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no instance was chosen: nothing was written")
	}
	return chosen, nil
}

// writeNew writes a file of the estate that does not exist yet.
func (w *world) writeNew(name string, src []byte) error {
	path := filepath.Join(w.dir(), name)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write %s: it exists already", path)
	}
	if err := atomicfile.Write(path, src, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// estateFile is the file of the estate as a whole.
func estateFile() string {
	lines := []string{
		"# The estate: the instances of DSS that dssctl looks after, a file for each.",
		"# What is not declared is not managed: add attributes and blocks as you need",
		"# them (dssctl schema lists them all), then plan, and apply.",
		"",
		"dssctl {",
	}
	if v, err := goversion.NewVersion(version); err == nil {
		lines = append(lines, fmt.Sprintf("  required_version = \">= %s\"", v.Core()))
	}
	lines = append(lines,
		"  state \"local\" {} # in the folder .dssctl beside this file",
		"}",
		"",
		"# Rules about the estate warn in every plan. For example:",
		"#",
		"# check \"ports\" {",
		"#   assert {",
		"#     condition     = alltrue([for i in instance : i.port == null ? true : i.port % 100 == 0])",
		"#     error_message = \"Base ports are multiples of 100.\"",
		"#   }",
		"# }",
		"",
	)
	return strings.Join(lines, "\n")
}
