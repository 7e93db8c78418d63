package install

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/providers/dss"
)

// checkHeap warns of a heap size that DSS's documentation advises against. It
// quotes no sensitive value.
func checkHeap(l *line, value string, at *hcl.Range) *hcl.Diagnostic {
	if l.Section != "javaopts" || !strings.HasSuffix(l.Key, ".xmx") {
		return nil
	}
	size, ok := dss.HeapSize(value)
	if !ok || !dss.HeapToAvoid(size) {
		return nil
	}
	return warning(at, "A heap size to avoid",
		"%s is %s. From 32g on Java needs twice the room for each pointer, so a heap between 32g and 48g holds less than one of 31g: DSS's documentation advises to choose 31g or less, or 48g or more.",
		l.name(), l.Value)
}
