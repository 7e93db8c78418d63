package method

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPage holds the table of docs/explanation/backup-methods.md against what
// TestFaithful proves.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/explanation/backup-methods.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "## What each loses")
	if !ok {
		t.Fatal("the page has no table of losses")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	var columns []string
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			columns = cells
			continue
		}
		rows[cells[0]] = cells
	}
	for _, k := range kinds(t) {
		column := slices.Index(columns, k.name)
		if column < 0 {
			t.Errorf("the page has no column %s", k.name)
			continue
		}
		for _, what := range k.loses {
			if what == losesDirXattrs || what == losesDirACLs {
				continue // the rows do not tell folders from files
			}
			if cells := rows[what]; cells == nil || cells[column] == "kept" {
				t.Errorf("%s loses %s, the page says %q", k.name, what, cells)
			}
		}
		for what, cells := range rows {
			if cells[column] == "lost" != slices.Contains(k.loses, what) && !strings.HasPrefix(cells[column], "from ") && !strings.HasPrefix(cells[column], "lost ") {
				t.Errorf("%s, %s: the page says %q", k.name, what, cells[column])
			}
		}
	}
}
