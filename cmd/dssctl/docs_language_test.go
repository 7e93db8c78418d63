package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/config"
)

// The language page lists exactly the functions that there are.
func TestLanguagePageListsEveryFunction(t *testing.T) {
	raw, err := os.ReadFile("../../docs/reference/language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(raw), "\n## Functions\n")
	if !ok {
		t.Fatal("the page has no section Functions")
	}
	// The first table: a row a subject, and the names in code.
	var listed []string
	inTable := false
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			if inTable {
				break
			}
			continue
		}
		inTable = true
		for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(line, -1) {
			listed = append(listed, m[1])
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(config.Functions(), listed); diff != "" {
		t.Errorf("docs/reference/language.md lists other functions than there are (-there are +listed):\n%s", diff)
	}
}
