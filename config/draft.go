package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Draft is configuration to be written.
type Draft struct {
	Attributes []DraftAttribute
	Blocks     []DraftBlock
}

// DraftAttribute is one attribute, with comment lines above it. A sensitive
// (marked) value is never written: a variable stands for it.
type DraftAttribute struct {
	Name    string
	Value   cty.Value
	Comment string
	// Variable writes var.VARIABLE in the value's place, and declares it as a
	// sensitive string.
	Variable string
}

// DraftBlock is one nested block.
type DraftBlock struct {
	Type   string
	Labels []string
	Draft
}

// WriteDraft returns the source of an instance block, formatted: data_dir,
// the attributes of all drafts, then their blocks; the variables it needs come
// first.
func WriteDraft(name, dataDir string, drafts []Draft) []byte {
	w := &draftWriter{instance: name}
	f := hclwrite.NewEmptyFile()
	block := hclwrite.NewBlock("instance", []string{name})
	body := block.Body()
	body.SetAttributeValue("data_dir", cty.StringVal(dataDir))
	for _, d := range drafts {
		w.attributes(body, "", d.Attributes)
	}
	for _, d := range drafts {
		w.blocks(body, "", d.Blocks)
	}
	for _, v := range w.variables {
		b := f.Body().AppendNewBlock("variable", []string{v}).Body()
		b.SetAttributeTraversal("type", hcl.Traversal{hcl.TraverseRoot{Name: "string"}})
		b.SetAttributeValue("sensitive", cty.True)
		f.Body().AppendNewline()
	}
	f.Body().AppendBlock(block)
	return hclwrite.Format(f.Bytes())
}

type draftWriter struct {
	instance  string
	variables []string
}

func (w *draftWriter) attributes(body *hclwrite.Body, prefix string, attrs []DraftAttribute) {
	for _, a := range attrs {
		comment(body, a.Comment)
		variable := a.Variable
		if variable == "" && a.Value.ContainsMarked() {
			variable = strings.ReplaceAll(w.instance, "-", "_") + "_" + prefix + a.Name
		}
		switch {
		case variable != "":
			w.declare(variable)
			body.SetAttributeTraversal(a.Name, hcl.Traversal{hcl.TraverseRoot{Name: "var"}, hcl.TraverseAttr{Name: variable}})
		case a.Value == cty.NilVal || !a.Value.IsWhollyKnown():
			body.SetAttributeValue(a.Name, cty.NullVal(cty.DynamicPseudoType))
		default:
			body.SetAttributeValue(a.Name, a.Value)
		}
	}
}

func (w *draftWriter) declare(variable string) {
	for _, v := range w.variables {
		if v == variable {
			return
		}
	}
	w.variables = append(w.variables, variable)
}

func (w *draftWriter) blocks(body *hclwrite.Body, prefix string, blocks []DraftBlock) {
	for _, b := range blocks {
		body.AppendNewline()
		inner := body.AppendNewBlock(b.Type, b.Labels).Body()
		w.attributes(inner, prefix+b.Type+"_", b.Attributes)
		w.blocks(inner, prefix+b.Type+"_", b.Blocks)
	}
}

// comment writes comment lines. Control characters could end a line early.
func comment(body *hclwrite.Body, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, line)
		body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + strings.TrimSpace(line) + "\n")}})
	}
}
