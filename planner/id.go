package planner

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/config"
)

// idPrefix names an instance inside action IDs: "design", "automation.auto1".
// It is stable, needs no quotes in a shell, and differs between instances:
// whatever is not a letter, a digit, "_" or "-" is written as %XX, so the dot
// stands only between the name and the key.
func idPrefix(in *config.Instance) string {
	if in.Key == "" && !strings.HasSuffix(in.Address, "]") {
		return plainID(in.Name)
	}
	return plainID(in.Name) + "." + plainID(in.Key)
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
