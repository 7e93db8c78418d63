package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var citedTest = regexp.MustCompile("`(Test\\w+)(?:/(\\w+))?` in \\[[^]]*\\]\\(([^)]+)\\)")

// What the page on peers promises is held by tests that exist.
func TestPeersPageNamesRealTests(t *testing.T) {
	const page = "../../docs/explanation/peers.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for line := range strings.Lines(string(raw)) {
		for _, m := range citedTest.FindAllStringSubmatch(line, -1) {
			cited++
			name, part, file := m[1], m[2], filepath.Join(filepath.Dir(page), m[3])
			source, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
				continue
			}
			if strings.HasSuffix(file, ".txtar") {
				if name != "TestScripts" || part != strings.TrimSuffix(filepath.Base(file), ".txtar") {
					t.Errorf("%s/%s is not %s", name, part, file)
				}
				continue
			}
			// The cases of a table may stand in another file of its package.
			if !strings.Contains(string(source), "\nfunc "+name+"(t *testing.T)") || part != "" && !strings.Contains(testsBeside(t, file), `"`+part+`"`) {
				t.Errorf("%s has no %s/%s", file, name, part)
			}
		}
	}
	if rows := strings.Count(string(raw), "\n| ") - 1; rows != 24 || cited < 30 {
		t.Errorf("%d rows, %d tests", rows, cited)
	}
}

func testsBeside(t *testing.T, file string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}
