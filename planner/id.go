package planner

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/config"
)

// idPrefix names an instance inside action IDs: "design", "automation.auto1",
// "node.a+design" for one in a module. It is stable, needs no quotes in a shell,
// and differs between instances: whatever is not a letter, a digit, "_" or "-" is
// written as %XX, so the dot stands only between a name and its key, and the plus
// behind a module.
func idPrefix(in *config.Instance) string {
	out := ""
	for _, s := range in.Module {
		out += plainStep(s) + "+"
	}
	return out + plainStep(config.Step{Name: in.Name, Key: in.Key, HasKey: strings.HasSuffix(in.Address, "]")})
}

func plainStep(s config.Step) string {
	if !s.HasKey {
		return plainID(s.Name)
	}
	return plainID(s.Name) + "." + plainID(s.Key)
}

func plainID(s string) string {
	plain := func(c byte) bool {
		return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if plain(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
