package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/diagfmt"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup"
	"github.com/dssctl/dssctl/providers/install"
	"github.com/dssctl/dssctl/providers/origin"
	"github.com/dssctl/dssctl/providers/release"
	"github.com/dssctl/dssctl/providers/runtimedb"
	"github.com/dssctl/dssctl/providers/service"
	"github.com/dssctl/dssctl/providers/settings"
	"github.com/dssctl/dssctl/state"
)

// aspects returns the providers in the order of their blocks in a plan, and the
// one that frames windows.
func (w *world) aspects() ([]providers.Provider, providers.Frame) {
	frame, backups := service.New(), w.backups(nil)
	return []providers.Provider{
		release.New(), install.NewNodeType(), install.NewPort(), install.NewINI(), settings.New(), runtimedb.New(), backups, backup.NewOrigin(backups), origin.New(), frame,
	}, frame
}

// backups is the aspect of backups; with an order it proposes that.
func (w *world) backups(order *backup.Order) *backup.Provider {
	return backup.New(backup.Options{Tool: version, Command: w.program(), Estate: w.estateDir(), Order: order})
}

// program is the path of dssctl as a schedule starts it; where the system does
// not tell, the name alone, which a schedule refuses.
func (w *world) program() string {
	if w.self == nil {
		return "dssctl"
	}
	path, err := w.self()
	if err != nil {
		return "dssctl"
	}
	return path
}

// estateDir is the estate's folder as an absolute path.
func (w *world) estateDir() string {
	dir, err := filepath.Abs(w.dir())
	if err != nil {
		return w.dir()
	}
	return dir
}

// performers gathers what the providers can do.
func performers(all []providers.Provider) map[plan.Kind]providers.Performer {
	out := map[plan.Kind]providers.Performer{}
	for _, p := range all {
		for kind, performer := range p.Performers() {
			out[kind] = performer
		}
	}
	return out
}

func instanceSchema(all []providers.Provider) schema.Block {
	fragments := make([]schema.Fragment, 0, len(all))
	for _, p := range all {
		fragments = append(fragments, p.Schema())
	}
	return config.InstanceSchema(fragments...)
}

// varOptions are the flags that give variables.
type varOptions struct {
	vars, files []string
}

func (o *varOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.vars, "var", nil, "give a variable, `NAME=VALUE`; may be repeated")
	f.StringArrayVar(&o.files, "var-file", nil, "read variables from this `FILE`; may be repeated")
}

// loadEstate reads and evaluates the files, and prints what is wrong with them.
// recorded are the variables that a saved plan was made with.
func (w *world) loadEstate(o varOptions, recorded map[string]json.RawMessage) (*config.Estate, error) {
	estate, diags := w.load(o, recorded, false)
	return estate, w.printDiagnostics(diags, sourcesOf(estate))
}

// load reads and evaluates the files; with generate, imports may lead to what is
// not declared.
func (w *world) load(o varOptions, recorded map[string]json.RawMessage, generate bool) (*config.Estate, hcl.Diagnostics) {
	w.varFlags = o
	all, _ := w.aspects()
	lo := w.loadOptions(o, all, recorded)
	lo.Generate = generate
	if w.interactive() {
		lo.Ask = w.askVariable
	}
	estate, diags := config.Load(lo)
	diags = w.guard(estate, diags)
	if w.onErrors != nil && diags.HasErrors() {
		w.onErrors(diags)
	}
	return estate, diags
}

func (w *world) loadOptions(o varOptions, all []providers.Provider, recorded map[string]json.RawMessage) config.LoadOptions {
	return config.LoadOptions{
		Dir: w.dir(), Schema: instanceSchema(all), Version: version,
		Vars: o.vars, VarFiles: o.files, Environ: w.environ, Values: recorded, Runner: w.runner,
	}
}

// guard makes the estate's secrets known to the redactor.
func (w *world) guard(estate *config.Estate, diags hcl.Diagnostics) hcl.Diagnostics {
	if estate != nil {
		for _, v := range estate.Secrets {
			w.redactor.Add(v)
		}
	}
	return diags
}

func sourcesOf(estate *config.Estate) map[string]*hcl.File {
	if estate == nil {
		return nil
	}
	return estate.Sources
}

// printDiagnostics shows them on stderr; the error is set when one of them is.
func (w *world) printDiagnostics(diags hcl.Diagnostics, sources map[string]*hcl.File) error {
	if len(diags) == 0 {
		return nil
	}
	style := w.style(w.err)
	if err := diagfmt.Text(w.stderr(), diags, sources, diagfmt.Options{Width: style.Width, Color: style.Color}); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &codeError{code: exitError}
	}
	return nil
}

// askVariable asks for a variable at the terminal; a sensitive one is not shown.
func (w *world) askVariable(q config.VariableQuestion) (string, error) {
	out := w.stderr()
	if q.Description != "" {
		fmt.Fprintf(out, "var.%s\n  %s\n", q.Name, q.Description)
	} else {
		fmt.Fprintf(out, "var.%s\n", q.Name)
	}
	fmt.Fprint(out, "\n  Enter a value: ")
	if f, ok := w.in.(*os.File); ok && q.Sensitive {
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(out)
		if err != nil {
			return "", fmt.Errorf("read the value of var.%s: %w", q.Name, err)
		}
		w.redactor.Add(string(b))
		return string(b), nil
	}
	return w.readLine()
}

// readLine reads one line of input, byte by byte: the next question needs the
// rest.
func (w *world) readLine() (string, error) {
	line, err := bufio.NewReaderSize(oneByte{w.in}, 1).ReadString('\n')
	if err != nil && (err != io.EOF || line == "") {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// oneByte hands out one byte at a time, so that nothing is read ahead.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

// store opens the estate's state.
func (w *world) store() (state.Store, error) {
	return w.openStore(w.dir(), w.clock)
}
