// Package reference writes the schema down: as a page of Markdown for people
// and as JSON for programs.
package reference

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// Page writes the schema as a page of Markdown: one section for each
// block, with its doc, an example, and tables of its labels, attributes and
// blocks. root is the top level of a file; its own type is "".
func Page(root schema.Block, w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# Language reference\n\n")
	if root.Doc != "" {
		fmt.Fprintf(b, "%s\n\n", root.Doc)
	}
	fmt.Fprintf(b, "Blocks: %s.\n", list(root.Blocks, ""))
	for i := range root.Blocks {
		section(b, &root.Blocks[i], "")
	}
	return b.Flush()
}

func section(b *bufio.Writer, block *schema.Block, parent string) {
	path := parent + block.Type
	fmt.Fprintf(b, "\n## %s\n", path)
	if block.Doc != "" {
		fmt.Fprintf(b, "\n%s\n", block.Doc)
	}
	switch {
	case block.Required && block.Multiple:
		fmt.Fprint(b, "\nRequired; may stand several times.\n")
	case block.Required:
		fmt.Fprint(b, "\nRequired.\n")
	case block.Multiple:
		fmt.Fprint(b, "\nMay stand several times.\n")
	}
	for _, l := range block.Labels {
		fmt.Fprintf(b, "\n- Label `%s`%s%s\n", l.Name, oneOf(l.OneOf), sentence(l.Doc))
	}
	if block.Example != "" {
		fmt.Fprintf(b, "\n```hcl\n%s\n```\n", strings.TrimSpace(block.Example))
	}
	if len(block.Attributes) > 0 {
		fmt.Fprint(b, "\n| attribute | type | required or default | description |\n|---|---|---|---|\n")
		for i := range block.Attributes {
			a := &block.Attributes[i]
			fmt.Fprintf(b, "| `%s` | `%s` | %s | %s |\n", a.Name, TypeName(a.Type), need(a), cell(describe(a)))
		}
	}
	if block.Open {
		fmt.Fprint(b, "\nFurther attributes have names of your own.\n")
	}
	if len(block.Blocks) > 0 {
		fmt.Fprintf(b, "\nBlocks inside: %s.\n", list(block.Blocks, path+"."))
	}
	for i := range block.Blocks {
		section(b, &block.Blocks[i], path+".")
	}
}

// list links to the sections of the blocks.
func list(blocks []schema.Block, parent string) string {
	var links []string
	for i := range blocks {
		path := parent + blocks[i].Type
		links = append(links, fmt.Sprintf("[`%s`](#%s)", blocks[i].Type, strings.NewReplacer(".", "").Replace(path)))
	}
	return strings.Join(links, ", ")
}

func need(a *schema.Attribute) string {
	switch {
	case a.Required && len(a.Labels) > 0:
		return "required for " + strings.Join(a.Labels, ", ")
	case a.Required:
		return "required"
	case a.Default != cty.NilVal && !a.Default.IsNull():
		return "`" + literal(a.Default) + "`"
	}
	return ""
}

func describe(a *schema.Attribute) string {
	var parts []string
	if a.Doc != "" {
		parts = append(parts, a.Doc)
	}
	if len(a.OneOf) > 0 {
		parts = append(parts, "One of `"+strings.Join(a.OneOf, "`, `")+"`.")
	}
	if len(a.Labels) > 0 && !a.Required {
		parts = append(parts, "Only for "+strings.Join(a.Labels, ", ")+".")
	}
	if a.Secret {
		parts = append(parts, "**Secret**: appears nowhere.")
	}
	if a.Example != "" {
		parts = append(parts, "For example `"+a.Example+"`.")
	}
	return strings.Join(parts, " ")
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": one of `" + strings.Join(names, "`, `") + "`"
}

func sentence(doc string) string {
	if doc == "" {
		return "."
	}
	return ". " + doc
}

// cell keeps a text inside its table cell.
func cell(s string) string {
	return strings.NewReplacer("\n", " ", "|", `\|`).Replace(s)
}

// literal writes a value in HCL.
func literal(v cty.Value) string { return string(hclwrite.TokensForValue(v).Bytes()) }
