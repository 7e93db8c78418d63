package view

import (
	"strings"
	"testing"
	"time"
)

// Each state of a set is said by its own name, and a set of the future has no age.
func TestStatesOfSets(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var b strings.Builder
	rows := []SetRow{
		{Set: "a", State: "good", Time: now.Add(48 * time.Hour)},
		{Set: "b", State: "incomplete", Broken: "no config"},
		{Set: "c", State: "restore failed", Broken: "no H2"},
		{Set: "d", State: "unknown", Broken: "permission denied"},
	}
	if err := Sets(&b, rows, now, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"in the future", "INCOMPLETE: no config", "RESTORE FAILED: no H2", "UNKNOWN: permission denied"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not said:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "DAMAGED") {
		t.Errorf("a set is called damaged:\n%s", b.String())
	}
}

// What leads out of the data directory is named and counted.
func TestSetTellsWhatLeadsOut(t *testing.T) {
	var b strings.Builder
	a := SetAbout{
		SetRow:   SetRow{Set: "a", State: "incomplete", Broken: "no config"},
		Followed: []string{"config (to /disk2/config)"}, Outside: []string{"managed_datasets (to /disk2/sets)"}, OutsideTotal: 7, Programs: 3,
	}
	if err := Set(&b, a, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"incomplete: no config", "config (to /disk2/config)", "7 links or mounts lead out of the data directory", "managed_datasets (to /disk2/sets) and 6 more", "3 links lead to programs",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not said:\n%s", want, b.String())
		}
	}
}
