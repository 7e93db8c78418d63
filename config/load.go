package config

import (
	"context"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/internal/secret"
)

// LoadOptions say what to read, and with which values.
type LoadOptions struct {
	// Dir is the estate's folder; "" for the current one.
	Dir string
	// Schema is the whole instance block, see InstanceSchema.
	Schema schema.Block
	// Version is the tool's own, for required_version; "" skips the check.
	Version string

	// Values are variables recorded in a saved plan, as JSON. They count more
	// than defaults and less than everything else. Names that are not declared
	// any more are ignored.
	Values map[string]json.RawMessage
	// VarFiles and Vars ("name=value") in command-line order.
	VarFiles []string
	Vars     []string
	// Environ is the environment, "NAME=value": DSSCTL_VAR_x and env("x").
	Environ []string
	// Ask is asked for a variable without a value. Nil where nobody can
	// answer: the missing variable is an error then.
	Ask func(VariableQuestion) (string, error)

	// Editing is for files that are being written, in an editor: nothing outside
	// of the folder is looked at and no command runs. What env, file,
	// secret_file, secret_command, abspath and pathexpand would give is not
	// known, nor is a variable without a value; neither is a mistake.
	Editing bool

	// Generate lets imports lead to what is not declared: somebody writes it,
	// see Import.Undeclared.
	Generate bool

	// FS stands in for the folder Dir, for tests and for what is not saved yet;
	// nil for the real one. Names of variable files are then looked up in it too.
	FS fs.FS
	// Runner runs secret_command; without one that function is an error.
	Runner proc.Runner
	// Context ends what Runner runs; nil for no end.
	Context context.Context
}

// VariableQuestion asks for the value of a variable. The answer is read like
// the value of -var.
type VariableQuestion struct {
	Name        string
	Description string
	Type        string // as in HCL: "list(string)"
	Sensitive   bool   // the answer should not be echoed
}

// Load reads the estate in the folder. It reports everything it finds wrong,
// sorted by file and line. The Estate is never nil: where there are errors, it
// has Dir, Files and Sources only.
//
// Diagnostics show no sensitive value, and Sources are masked where a secret
// is written into a file.
func Load(opts LoadOptions) (*Estate, hcl.Diagnostics) {
	if opts.Dir == "" {
		opts.Dir = "."
	}
	if opts.Context == nil {
		opts.Context = context.Background()
	}
	l := newLoader(opts)
	estate := l.load()
	diags := tidy(l.diags)
	if diags.HasErrors() {
		return &Estate{Dir: opts.Dir, Files: l.hashes, Sources: l.sources}, diags
	}
	return estate, diags
}

// loader is one run of Load, in the order of its steps: read and parse the
// files, collect the definitions, then evaluate variables, locals, instances,
// and what speaks of instances: checks and outputs.
type loader struct {
	opts  LoadOptions
	diags hcl.Diagnostics

	// Of a module, see modules.go. The estate itself has none of them.
	path   []Step  // the calls that lead here
	prefix string  // of the addresses in it: `module.node["a"].`
	folder *folder // whose files it is made of
	above  *loader // which calls it
	all    *whole

	// From files.go.
	hashes  map[string]string
	sources map[string]*hcl.File
	copied  map[string]bool // sources that are masked copies, see mask.go
	sounds  map[string]bool // names that sound secret, see mask.go
	bodies  []hcl.Body      // of the configuration's files that parsed
	broken  bool            // a file did not parse: names may be missing

	unread bool // a variable file did not parse: values may be missing

	// From collect.go.
	variables map[string]*variable
	locals    map[string]*local
	decls     map[string]*declaration
	calls     map[string]*call // from modules.go
	settings  *compiled        // the dssctl block
	checks    map[string]*compiled
	outputs   map[string]*compiled
	moved     []*compiled
	forgotten []*compiled
	imported  []*compiled

	// From instances.go and modules.go, also those of the modules inside.
	instances []*Instance
	findings  hcl.Diagnostics // of checks
	result    cty.Value       // of a module: what is seen from outside

	root  *hcl.EvalContext
	every cty.Value // what instance alone stands for; NilVal until asked for
	funcs *functionTable
	specs bodySchemas
}

func newLoader(opts LoadOptions) *loader {
	root := RootSchema(opts.Schema)
	l := &loader{
		opts:    opts,
		all:     &whole{root: &root, folders: map[string]*folder{}, placed: map[string]string{}},
		hashes:  map[string]string{},
		sources: map[string]*hcl.File{},
		copied:  map[string]bool{},
		sounds:  map[string]bool{},
		specs:   bodySchemas{},
	}
	l.all.instance, _ = root.Block(instanceType)
	l.begin(newFunctionTable(opts, opts.Dir))
	return l
}

// begin makes the loader ready to collect.
func (l *loader) begin(funcs *functionTable) {
	l.variables = map[string]*variable{}
	l.locals = map[string]*local{}
	l.decls = map[string]*declaration{}
	l.calls = map[string]*call{}
	l.checks = map[string]*compiled{}
	l.outputs = map[string]*compiled{}
	l.funcs = funcs
	l.root = &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: funcs.all}
}

func (l *loader) load() *Estate {
	l.bodies, l.broken = l.readFolder(l.opts.Dir)
	l.collect()
	if !l.checkVersion() || l.broken {
		return nil
	}
	l.prepareCalls()
	l.evaluateAll()
	if l.all.tooMany != nil {
		l.report(errorAt(l.all.tooMany, "Too many modules", "With this module, more than %d are called: they are not read any further.", maxModules))
	}
	slices.SortFunc(l.instances, func(a, b *Instance) int { return strings.Compare(a.Address, b.Address) })
	l.checkDataDirs(l.instances)
	outputs := l.evaluateOutputs()
	moves, forgets := l.readMoves()
	imports := l.readImports()

	e := &Estate{
		Dir: l.opts.Dir, Files: l.hashes, Sources: l.sources,
		Instances: l.instances,
		Checks:    l.findings,
		Outputs:   outputs,
		Moves:     moves,
		Forgets:   forgets,
		Imports:   imports,
		Variables: l.givenVariables(),
		Secrets:   secret.Values{},
		schema:    l.all.instance,
		loader:    l,
	}
	e.State = l.evaluateState()
	for _, in := range l.instances {
		collectSecrets(e.Secrets, in.Block)
	}
	if e.State != nil {
		collectSecrets(e.Secrets, e.State)
	}
	return e
}

// evaluateAll gives everything its value but the outputs.
func (l *loader) evaluateAll() {
	l.evaluateVariables()
	l.evaluateLocals()
	l.evaluateInstances()
	l.findings = append(l.findings, l.evaluateChecks()...)
}
