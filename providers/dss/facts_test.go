package dss

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/jsonedit"
)

func TestFacts(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	got, err := in.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Facts{
		Version: "14.4.1", NodeType: "design", InstallID: "abcdefghijklmnopqrstuvwx", NodeID: "my-node",
		Port: 11200, InstallDir: "/opt/dataiku-dss-14.4.1", Service: ServiceStopped,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFactsWithoutKnownStatus(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	setState(t, in, "error: Server requires authentication\n")
	got, err := in.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Service != ServiceUnknown || !strings.Contains(got.ServiceNote, "requires authentication") {
		t.Errorf("got %+v", got)
	}
}

func TestFactsRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		file, content string
		line          int
		want          []string
	}{
		"no general":      {"install.ini", "[server]\nport = 1\n", 0, []string{"no section [general]"}},
		"no nodetype":     {"install.ini", "\n[general]\ninstallid = x\n[server]\nport = 1\n", 2, []string{"no nodetype"}},
		"strange type":    {"install.ini", "[general]\nnodetype = toaster\n[server]\nport = 1\n", 2, []string{"toaster", "design"}},
		"no server":       {"install.ini", "[general]\nnodetype = design\n", 0, []string{"no section [server]"}},
		"no port":         {"install.ini", "[general]\nnodetype = design\n[server]\nssl = true\n", 3, []string{"no port"}},
		"port of letters": {"install.ini", "[general]\nnodetype = design\n[server]\nport = http\n", 4, []string{"http", "base port"}},
		"port too high":   {"install.ini", "[general]\nnodetype = design\n[server]\nport = 65530\n", 4, []string{"65530"}},
		"no version":      {"dss-version.json", "{}", 0, []string{"product_version"}},
		"version number":  {"dss-version.json", `{"product_version": 14}`, 0, []string{"14"}},
		"truncated":       {"dss-version.json", "{\n\"product_version\": ", 2, []string{"no readable JSON"}},
		"empty":           {"dss-version.json", "", 0, []string{"no readable JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDataDir(t)
			write(t, filepath.Join(dir, tc.file), tc.content, 0o600)
			_, err := open(t, dir, nil).Facts(t.Context())
			var e *FileError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Line != tc.line && tc.line != 0 || filepath.Base(e.File) != tc.file {
				t.Errorf("about %s:%d, want line %d", e.File, e.Line, tc.line)
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
		})
	}
}

// Both files are wrong: both are told.
func TestFactsTellAllErrors(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "install.ini"), "[general]\nnodetype = x\n[server]\n", 0o600)
	write(t, filepath.Join(dir, "dss-version.json"), "[]", 0o600)
	_, err := open(t, dir, nil).Facts(t.Context())
	for _, w := range []string{"nodetype", "no port", "dss-version.json"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %v", w, err)
		}
	}
}

func TestFactsWithoutEnvDefault(t *testing.T) {
	dir := newDataDir(t)
	if err := os.Remove(filepath.Join(dir, "bin/env-default.sh")); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, dir, nil).Facts(t.Context())
	if err != nil || got.InstallDir != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRead(t *testing.T) {
	dir := newDataDir(t)
	write(t, filepath.Join(dir, "config/dip.properties"), "psql.jdbc.url = jdbc:postgresql://h/db\n", 0o600)
	in := open(t, dir, nil)
	canonical := func(raw string) string {
		c, err := jsonedit.Canonical([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return string(c)
	}
	for probe, want := range map[string]string{
		"install.ini#server.port":               "11200",
		"install.ini#javaopts.backend.xmx":      "4g",
		"dss-version.json#/product_version":     canonical(`"14.4.1"`),
		"bin/env-default.sh#DKUJAVABIN":         "/usr/bin/java",
		"config/dip.properties#psql.jdbc.url":   "jdbc:postgresql://h/db",
		"config/general-settings.json#/name":    canonical(`"a&b"`),
		"config/general-settings.json#/nothing": "",
		"install.ini#server.ssl":                "",
		"install.ini#git.mode":                  "",
		"bin/env-default.sh#X":                  "",
		"config/dip.properties#x":               "",
		"dss-version.json#/a/b":                 "",
	} {
		got, exists, err := in.Read(probe)
		if err != nil {
			t.Errorf("%s: %v", probe, err)
		}
		if got != want || exists != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", probe, got, exists, want)
		}
	}
	for _, bad := range []string{"install.ini", "config/users.json#/x", "../x#/y"} {
		if _, _, err := in.Read(bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// A fingerprint must not change with the formatting, nor with anything else in
// the file.
func TestReadIsCanonical(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	sums := map[string]bool{}
	for _, text := range []string{
		`{"internalDatabase":{"a":1,"b":["x","\u0026"]}}`,
		"{\n \"other\": 1, \"internalDatabase\" : { \"b\":[\"x\", \"&\"] , \"a\":1 }\n}\n",
	} {
		write(t, in.Path(SettingsFile), text, 0o600)
		got, exists, err := in.Read(SettingsFile + "#/internalDatabase")
		if err != nil || !exists {
			t.Fatal(exists, err)
		}
		sums[got] = true
	}
	if len(sums) != 1 {
		t.Errorf("got %v", sums)
	}
}

func TestFrozenReadsOnce(t *testing.T) {
	in := open(t, newDataDir(t), nil)
	frozen := in.Frozen()
	before, _, err := frozen.Read("install.ini#server.port")
	if err != nil {
		t.Fatal(err)
	}
	write(t, in.Path("install.ini"), strings.Replace(sampleINI, "11200", "12345", 1), 0o600)
	after, _, err := frozen.Read("install.ini#server.port")
	if err != nil || before != after {
		t.Errorf("frozen: %q then %q, %v", before, after, err)
	}
	if now, _, _ := in.Read("install.ini#server.port"); now != "12345" {
		t.Errorf("not frozen: %q", now)
	}
}
