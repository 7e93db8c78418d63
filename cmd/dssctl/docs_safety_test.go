package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page on safety names a test for each situation; each of them exists.
func TestSafetyPageNamesRealTests(t *testing.T) {
	const page = "../../docs/explanation/safety.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "## Situations that real installations bring")
	text, _, _ = strings.Cut(text, "\n## ")
	named := regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`")
	rows := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| situation") {
			continue
		}
		rows++
		all := named.FindAllStringSubmatch(line, -1)
		if len(all) == 0 {
			t.Errorf("no test stands beside %q", line)
		}
		for _, m := range all {
			beside := filepath.Join("../..", m[1], "x_test.go")
			if !strings.Contains(testsBeside(t, beside), "\nfunc "+m[2]+"(t *testing.T)") {
				t.Errorf("%s has no %s", m[1], m[2])
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}
