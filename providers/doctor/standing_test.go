package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// What a plan checks is shown like any other check.
func TestChecksOfAPlan(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	p := newPlay(t)
	p.write(p.in("dss-version.json"), `{"product_version":"14.4.1"}`)
	p.write(p.in("bin", "dss"), "#!/bin/sh\n")
	if err := os.Chmod(p.in("bin", "dss"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.write(p.in("config", "general-settings.json"), "{}")
	in, err := dss.Open(p.s.DataDir, dss.Options{UnitDirs: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	p.s.Instance = in
	all := examine(t, p.s)
	for _, c := range preflight.StandingChecks() {
		if f := all[c.Name]; f.Status != OK || f.Found != c.Fine || f.Source == "" {
			t.Errorf("%s is %+v", c.Name, f)
		}
	}
	if err := os.Chmod(p.in("config"), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(p.in("config"), 0o755) //nolint:errcheck // for the clean-up
	f := examine(t, p.s)["files to edit"]
	if f.Status != Failed || !strings.Contains(f.Found, "config/general-settings.json cannot be replaced") || !strings.Contains(f.Remedy, "chmod u+wx "+filepath.Join(p.s.DataDir, "config")) {
		t.Errorf("a closed folder is %+v", f)
	}
	if strings.Contains(f.Found, f.Remedy) {
		t.Errorf("the remedy is told twice: %+v", f)
	}
}
