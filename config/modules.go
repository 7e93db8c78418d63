package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

var moduleSchema = schema.Block{
	Type:     "module",
	Labels:   []schema.Label{{Name: "name", Doc: "The name of the call in addresses: an identifier."}},
	Multiple: true, Open: true,
	Doc: "Takes in the instances that another folder declares, once or with `for_each` several times. Every further attribute gives a value to the variable of that name in the folder. " +
		"Addresses in it begin with `module.NAME.`; its outputs are `module.NAME.OUTPUT`, and nothing else of it is seen from outside.",
	Example: `module "auto" {
  source   = "./modules/node"
  for_each = { auto1 = 11300, auto2 = 11400 }

  data_dir = "/data/dataiku/${each.key}"
  port     = each.value
}`,
	Attributes: []schema.Attribute{
		{Name: "source", Type: cty.String, Required: true, Public: true, Doc: "The folder, beginning with `./` or `../`, as seen from the folder of this file. A string without expressions. It holds files `*.dss.hcl` with `variable`, `locals`, `instance`, `module`, `check` and `output`.", Example: `"./modules/node"`},
		{Name: forEach, Type: cty.DynamicPseudoType, Meta: true, Doc: "A map, or a set of strings: the module is taken in once for each element. In the arguments `each.key` and `each.value` are the element; the addresses begin with `module.NAME[\"KEY\"].`.", Example: `toset(["auto1", "auto2"])`},
	},
}

// estateOnly are the blocks that speak of the estate as a whole.
var estateOnly = []string{movedSchema.Type, forgetSchema.Type, importSchema.Type}

// A module can call others. What a few lines can multiply is bounded.
const (
	maxModules      = 20000 // calls of one estate, each key of a for_each counted
	maxModulesDepth = 16
)

// whole is what the loaders of one Load share: one for the estate, and one for
// each module that is called.
type whole struct {
	root, instance *schema.Block
	folders        map[string]*folder // by path
	made           int                // loaders of modules
	tooMany        *hcl.Range         // the call that is one too many
	placed         map[string]string  // addresses of instances by data directory
}

// folder is a module's source, parsed once for all its calls.
type folder struct {
	dir    string
	bodies []hcl.Body
	broken bool
	funcs  *functionTable
}

// call is one module block.
type call struct {
	name string
	*compiled
	forEach *expression
	args    []*expression
	needs   []string // instances and modules that it refers to
	broken  bool

	// template is the module before anything has a value: what it declares. It
	// is nil where the call is broken.
	template *loader
	modules  []*loader // in the order of their keys
	value    cty.Value // for references to it; NilVal until asked for
}

func (l *loader) collectCall(b *hcl.Block) {
	c := l.compile(b, &moduleSchema)
	if len(b.Labels) != 1 {
		return
	}
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) {
		l.report(errorAt(&b.LabelRanges[0], "Invalid name", "The name of a module must be an identifier: a letter, then letters, digits, - and _; and %q is none.", name))
		return
	}
	if first := l.calls[name]; first != nil {
		l.report(errorAt(&c.at, "Duplicate module", "module.%s is called already at %s. Give one of them another name.", name, place(first.at)))
		return
	}
	l.calls[name] = &call{name: name, compiled: c, forEach: c.attr(forEach), args: c.free, broken: c.broken}
}

// prepareCalls reads what the modules declare, before anything has a value.
func (l *loader) prepareCalls() {
	for _, name := range slices.Sorted(maps.Keys(l.calls)) {
		if c := l.calls[name]; !c.broken {
			c.broken = !l.prepareCall(c)
		}
	}
}

func (l *loader) prepareCall(c *call) bool {
	f, ok := l.source(c)
	if !ok {
		return false
	}
	m := l.module(c, f)
	if m == nil {
		return false
	}
	m.collect()
	m.checkEstateSettings()
	m.prepareCalls()
	l.report(called(m.diags, c.at)...)
	if m.diags.HasErrors() {
		return false
	}
	c.template = m
	return l.checkArguments(c)
}

// source finds the folder of a call, and reads it when it is the first one.
func (l *loader) source(c *call) (*folder, bool) {
	e := c.attr("source")
	at := e.attr.Expr.Range().Ptr()
	bad := func(summary, format string, args ...any) (*folder, bool) {
		l.report(errorAt(at, summary, format, args...))
		return nil, false
	}
	v, diags := e.attr.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
		return bad("Invalid module source", `source must be a string without expressions, such as "./modules/node": the folder is read before anything has a value.`)
	}
	src := v.AsString()
	if !strings.HasPrefix(src, "./") && !strings.HasPrefix(src, "../") {
		return bad("Invalid module source", `source is %q, and a module is a folder beside the estate: it must begin with "./" or "../". dssctl fetches nothing: what comes from elsewhere is brought there by git (a submodule, a second checkout) or by a package.`, src)
	}
	dir := filepath.Join(l.dir(), filepath.FromSlash(src))
	depth := 0
	for m := l; ; m = m.above {
		if filepath.Clean(m.dir()) == dir {
			return bad("Circular module", "The folder %s calls itself by way of this module.", dir)
		}
		if m.above == nil {
			break
		}
		depth++
	}
	if depth >= maxModulesDepth {
		return bad("Modules too deep", "Here %d modules are within each other; more are not read.", depth)
	}
	f := l.all.folders[dir]
	if f == nil {
		f = &folder{dir: dir, funcs: newFunctionTable(l.opts, dir)}
		before := len(l.diags)
		f.bodies, f.broken = l.readFolder(dir)
		for _, d := range called(l.diags[before:], c.at) {
			if d.Subject == nil {
				d.Subject = at // a folder that is not there has no place
			}
		}
		l.all.folders[dir] = f
	}
	return f, !f.broken
}

// dir is the folder of the loader's files.
func (l *loader) dir() string {
	if l.folder != nil {
		return l.folder.dir
	}
	return l.opts.Dir
}

// module makes the loader of a module; nil where there are too many.
func (l *loader) module(c *call, f *folder) *loader {
	if l.all.made++; l.all.made > maxModules {
		l.all.tooMany = &c.at
		return nil
	}
	m := &loader{
		opts: l.opts, above: l, folder: f, all: l.all, bodies: f.bodies,
		hashes: l.hashes, sources: l.sources, copied: l.copied, sounds: l.sounds, specs: l.specs,
	}
	m.begin(f.funcs)
	m.enter(Step{Name: c.name})
	return m
}

// enter gives the module its address.
func (l *loader) enter(s Step) {
	l.path = append(slices.Clone(l.above.path), s)
	l.prefix = moduleAddress(l.path) + "."
}

// checkEstateSettings refuses what a module cannot set.
func (l *loader) checkEstateSettings() {
	if l.settings == nil || !l.checkVersion() {
		return
	}
	for _, b := range l.settings.blocks {
		l.report(errorAt(&b.at, "Not in a module", "Where the memory is kept is for the estate's own files to say."))
	}
}

// checkArguments holds what a call gives to the variables of the module.
func (l *loader) checkArguments(c *call) bool {
	before := len(l.diags)
	variables := c.template.variables
	given := map[string]bool{}
	for _, e := range c.args {
		given[e.spec.Name] = true
		v := variables[e.spec.Name]
		if v == nil {
			l.report(errorAt(&e.attr.NameRange, "Unknown argument", "The module in %s has no variable %q.%s", c.template.dir(), e.spec.Name, hint(e.spec.Name, slices.Collect(maps.Keys(variables)), "Declared are")))
			continue
		}
		if v.sensitive {
			e.spec.Secret = true
			l.maskExpr(e.attr.Expr)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		_, taken := moduleSchema.Attribute(name)
		switch v := variables[name]; {
		case taken:
			l.report(errorAt(&v.at, "Reserved name", "A variable of a module cannot be named %q: in the block module, that is something else.", name))
		case !given[name] && v.fallback == cty.NilVal && !v.broken:
			more := ""
			if v.description != "" {
				more = " What it is for: " + v.description
			}
			l.report(errorAt(&c.at, "Missing argument", "module.%s gives no value to the variable %q, which has no default (%s).%s", c.name, name, place(v.at), more))
		}
	}
	return !hcl.Diagnostics(l.diags[before:]).HasErrors()
}
