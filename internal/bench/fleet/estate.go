package fleet

import (
	"fmt"
	"strings"
)

// Shape is how n instances are written down.
type Shape string

// The shapes.
const (
	// Flat is a block for each.
	Flat Shape = "flat"
	// Each is one block with for_each.
	Each Shape = "for_each"
	// Chain is a block for each, which refers to the one before it.
	Chain Shape = "chain"
)

// Shapes are all of them.
func Shapes() []Shape { return []Shape{Flat, Each, Chain} }

// aspects declares what DataDirs writes, beside the head of the instance.
const aspects = `
  runtime_database "embedded" {}

  general_settings = {
    maxRunningActivities = 20
  }

  install_ini = {
    javaopts = {
      "backend.xmx" = "8g"
    }
  }
}
`

// Estate returns HCL that declares the first n data directories below root, just
// as they are. More than MostPorts of them have to share ports, and declare none.
func Estate(root string, n int, s Shape) string {
	var b strings.Builder
	port := func(expression string) {
		if n <= MostPorts {
			fmt.Fprintf(&b, "  port      = %s\n", expression)
		}
	}
	if s == Each {
		fmt.Fprintf(&b, "locals {\n  nodes = { for i in %s : \"n${i}\" => { port = %d + 10 * i } }\n}\n\n", numbers(n), FirstPort)
		fmt.Fprintf(&b, "instance \"node\" {\n  for_each  = local.nodes\n  data_dir  = \"%s/${each.key}\"\n  node_type = \"design\"\n", root)
		port("each.value.port")
		return b.String() + aspects
	}
	for i := range n {
		fmt.Fprintf(&b, "instance \"n%d\" {\n  data_dir  = %q\n", i, Dir(root, i))
		if s == Chain && i > 0 {
			fmt.Fprintf(&b, "  node_type = instance.n%d.node_type\n", i-1)
		} else {
			b.WriteString("  node_type = \"design\"\n")
		}
		port(fmt.Sprint(Port(i)))
		b.WriteString(aspects + "\n")
	}
	return b.String()
}

// numbers is an expression for 0 … n-1: range alone ends at 1024 elements, as
// Terraform's does.
func numbers(n int) string {
	if n <= 1000 {
		return fmt.Sprintf("range(%d)", n)
	}
	return fmt.Sprintf("flatten([for a in range(%d) : [for b in range(1000) : a * 1000 + b]])", n/1000)
}
