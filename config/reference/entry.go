package reference

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/config/schema"
)

// Attribute describes an attribute in a few lines of Markdown, as an editor
// shows them.
func Attribute(a *schema.Attribute) string {
	head := fmt.Sprintf("**%s** `%s`", a.Name, TypeName(a.Type))
	switch n := need(a); {
	case n == "":
	case a.Required:
		head += ", " + n
	default:
		head += ", default " + n
	}
	if about := describe(a); about != "" {
		return head + "\n\n" + about
	}
	return head
}

// Block describes a block in a few lines of Markdown, as an editor shows them.
func Block(b *schema.Block) string {
	head := "**" + b.Type + "**"
	for _, l := range b.Labels {
		head += fmt.Sprintf(" \"%s\"", strings.ToUpper(l.Name))
	}
	parts := []string{head}
	if b.Doc != "" {
		parts = append(parts, b.Doc)
	}
	for i := range b.Labels {
		parts = append(parts, Label(&b.Labels[i]))
	}
	if b.Example != "" {
		parts = append(parts, "```hcl\n"+strings.TrimSpace(b.Example)+"\n```")
	}
	return strings.Join(parts, "\n\n")
}

// Label describes a label of a block in a line of Markdown.
func Label(l *schema.Label) string {
	return fmt.Sprintf("Label `%s`%s%s", l.Name, oneOf(l.OneOf), sentence(l.Doc))
}
