package preflight_test

import (
	"testing"

	"github.com/dssctl/dssctl/providers/preflight"
)

func TestFindingInWords(t *testing.T) {
	f := preflight.Finding{
		What: "general-settings.json cannot be replaced", Where: "/data/design/config/general-settings.json",
		Found: "owner root", Expected: "owner dataiku.", Remedy: "Give it back: chown dataiku FILE.",
	}
	want := "general-settings.json cannot be replaced: /data/design/config/general-settings.json. Found: owner root. Expected: owner dataiku. Give it back: chown dataiku FILE."
	if got := f.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := (preflight.Finding{What: "no kit"}).String(); got != "no kit" {
		t.Errorf("a finding with a headline alone is %q", got)
	}
}

func TestErrorsLeavesWarningsOut(t *testing.T) {
	all := []preflight.Finding{{What: "a", Severity: preflight.Warning}, {What: "b", Severity: preflight.Error}, {What: "c"}}
	got := preflight.Errors(all)
	if len(got) != 2 || got[0].What != "b" || got[1].What != "c" {
		t.Errorf("got %v", got)
	}
}
