package preflight

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), mode))
	must(t, os.Chmod(path, mode))
}

// attached makes a kit behind the link "current", and a data directory of it.
func attached(t *testing.T) Kit {
	t.Helper()
	base := t.TempDir()
	kit := filepath.Join(base, "dataiku-dss-14.4.1")
	put(t, filepath.Join(kit, "installer.sh"), "#!/bin/sh\n", 0o755)
	put(t, filepath.Join(kit, "scripts/dss"), "#!/usr/bin/env -S sh -e\n", 0o755)
	put(t, filepath.Join(kit, "dss-version.json"), `{"product_version":"14.4.1"}`, 0o644)
	current := filepath.Join(base, "current")
	must(t, os.Symlink(kit, current))
	data := filepath.Join(base, "data")
	must(t, os.MkdirAll(filepath.Join(data, "bin"), 0o755))
	must(t, os.Symlink(filepath.Join(current, "scripts/dss"), filepath.Join(data, "bin/dss")))
	put(t, filepath.Join(data, "bin/dssadmin"), "#!/bin/sh\n", 0o755)
	return Kit{DataDir: data, Dir: current, Version: "14.4.1"}
}

func TestKit(t *testing.T) {
	for name, tc := range map[string]struct {
		set             func(t *testing.T, k *Kit)
		check, commands string // in what is found; "" for nothing
	}{
		"whole": {func(*testing.T, *Kit) {}, "", ""},
		"link to another version": {func(t *testing.T, k *Kit) {
			other := filepath.Join(filepath.Dir(k.Dir), "dataiku-dss-14.5.0")
			put(t, filepath.Join(other, "installer.sh"), "", 0o755)
			put(t, filepath.Join(other, "scripts/dss"), "", 0o755)
			put(t, filepath.Join(other, "dss-version.json"), `{"product_version":"14.5.0"}`, 0o644)
			must(t, os.Remove(k.Dir))
			must(t, os.Symlink(other, k.Dir))
		}, "dataiku-dss-14.5.0). Found: a kit of DSS 14.5.0. Expected: 14.4.1", ""},
		"gone": {func(t *testing.T, k *Kit) {
			must(t, os.RemoveAll(filepath.Join(filepath.Dir(k.Dir), "dataiku-dss-14.4.1")))
		}, "The kit is gone", "which is not there"},
		"installer not executable": {func(t *testing.T, k *Kit) {
			must(t, os.Chmod(filepath.Join(k.Dir, "installer.sh"), 0o644))
		}, "not executable", ""},
		"no installer":  {func(t *testing.T, k *Kit) { must(t, os.Remove(filepath.Join(k.Dir, "installer.sh"))) }, "it is not there", ""},
		"not named":     {func(_ *testing.T, k *Kit) { k.Dir = "" }, "The kit is not known", ""},
		"odd version":   {func(t *testing.T, k *Kit) { put(t, filepath.Join(k.Dir, "dss-version.json"), "{}", 0o644) }, "The version of the kit is not known", ""},
		"no command":    {func(t *testing.T, k *Kit) { must(t, os.Remove(filepath.Join(k.DataDir, "bin/dss"))) }, "", "it is not there"},
		"not for us":    {func(t *testing.T, k *Kit) { must(t, os.Chmod(filepath.Join(k.DataDir, "bin/dssadmin"), 0o644)) }, "", "bin/dssadmin cannot be run"},
		"other program": {func(t *testing.T, k *Kit) { put(t, filepath.Join(k.DataDir, "bin/dssadmin"), "#!/no/python\n", 0o755) }, "", "its interpreter /no/python"},
		"by env": {func(t *testing.T, k *Kit) {
			put(t, filepath.Join(k.DataDir, "bin/dssadmin"), "#!/usr/bin/env A=b no-such-python\n", 0o755)
		}, "", "no-such-python is not in PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			k := attached(t)
			tc.set(t, &k)
			for what, c := range map[string]struct {
				got  []Finding
				want string
			}{"check": {k.Check(), tc.check}, "commands": {k.Commands(), tc.commands}} {
				if c.want == "" && len(c.got) > 0 || c.want != "" && (len(c.got) != 1 || !strings.Contains(c.got[0].String(), c.want)) {
					t.Errorf("%s: got %v, expected %q", what, c.got, c.want)
				}
			}
		})
	}
}
