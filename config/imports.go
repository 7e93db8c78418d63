package config

import (
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

var importSchema = schema.Block{
	Type: "import", Multiple: true,
	Doc: "Says that an instance which is there already is taken over: there must be one, and state remembers it from the next apply on. The plan shows it, and nothing happens to the instance by it. The block may stay: it says nothing to a state that knows the instance.",
	Example: `import {
  to       = instance.design
  data_dir = "/data/dataiku/design"
}`,
	Attributes: []schema.Attribute{
		{Name: "to", Type: cty.DynamicPseudoType, Required: true, Doc: "The address of one instance. Where nothing is declared there, `dssctl plan -generate-config-out=FILE` writes its block.", Example: "instance.design"},
		{Name: "data_dir", Type: cty.String, Required: true, Public: true, Check: schema.AbsolutePath, Doc: "Where the instance is: the data directory that is declared for it. It may use `var`, `local` and functions.", Example: `"/data/dataiku/design"`},
	},
}

// Import says that the instance in a data directory is taken over.
type Import struct {
	To      Address // one instance
	DataDir string  // absolute, cleaned
	Range   hcl.Range
	// Undeclared imports are there with LoadOptions.Generate only: their blocks
	// are to be written.
	Undeclared bool
}

// readImports reads the blocks import.
func (l *loader) readImports() []Import {
	var out []Import
	said := map[string]hcl.Range{} // by address, and by data directory
	for _, c := range l.imported {
		im, ok := l.importOf(c)
		if !ok {
			continue
		}
		for _, what := range []string{im.To.String(), im.DataDir} {
			if first, twice := said[what]; twice {
				l.report(errorAt(&c.at, "Imported twice", "%s is imported already at %s. Remove one of the two blocks.", what, place(first)))
				ok = false
				break
			}
			said[what] = c.at
		}
		if ok && l.checkImport(c, &im) {
			out = append(out, im)
		}
	}
	return out
}

func (l *loader) importOf(c *compiled) (Import, bool) {
	im := Import{Range: c.at}
	to, ok := l.addressIn(c, "to")
	e := c.attr("data_dir")
	if e == nil {
		return im, false // reported
	}
	l.resolve(e, surroundings{})
	v, known := l.attribute(e, l.root)
	if !ok || !known {
		return im, false
	}
	im.To, im.DataDir = to, filepath.Clean(v.AsString())
	return im, true
}

// checkImport holds an import to what is declared.
func (l *loader) checkImport(c *compiled, im *Import) bool {
	at := c.attr("to").attr.Expr.Range().Ptr()
	bad := func(format string, args ...any) bool {
		l.report(errorAt(at, "Invalid import", format, args...))
		return false
	}
	f := l.find(im.To)
	switch {
	case f.broken:
		return false // reported
	case f.there && open(im.To, f.keyed):
		return bad("%s stands for all instances of a for_each, and one of them is in %s. Name it, with its key.", im.To, im.DataDir)
	case f.there:
	case f.keyed != nil && im.To.HasKey && !f.keyed[len(f.keyed)-1]:
		return bad("There is no %s: what is declared at %s has no for_each, so there is no key to give.", im.To, place(f.at))
	case f.keyed != nil:
		return bad("There is no %s: the for_each of what is declared at %s has no such key.", im.To, place(f.at))
	case im.To.HasKey || im.To.Module != nil:
		return bad("%s is not declared.%s Only a single block of the estate's own files can be generated, so this one is for you to write: declare it, and the block import says that it is taken over.", im.To, hint(im.To.String(), l.declared(), ""))
	case l.opts.Generate:
		im.Undeclared = true
		return true
	default:
		return bad("%s is not declared.%s Declare it, or have its block written as the instance is: dssctl plan -generate-config-out=generated%s", im.To, hint(im.To.String(), l.declared(), ""), suffixNative)
	}
	if in := f.instances[0]; in.DataDir != im.DataDir {
		l.report(errorAt(c.attr("data_dir").attr.Expr.Range().Ptr(), "Another data directory",
			"%s is declared with the data directory %s at %s, and this block imports %s. An instance is taken over where it is: the two must be the same.", im.To, in.DataDir, place(*in.RangeOf("data_dir")), im.DataDir))
		return false
	}
	return true
}

// open reports whether a step that has for_each is without a key.
func open(a Address, keyed []bool) bool {
	for i, s := range append(slices.Clone(a.Module), a.own()) {
		if keyed[i] && !s.HasKey {
			return true
		}
	}
	return false
}
