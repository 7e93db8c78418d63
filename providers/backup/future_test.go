package backup

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/set"
)

func said(diags hcl.Diagnostics) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary+": "+d.Detail)
	}
	return strings.Join(all, "\n")
}

// A set that is dated in the future says nothing of the present: it is not the
// newest, so that a backup is due and a restore takes an older one, unless it is
// named.
func TestSetOfTheFuture(t *testing.T) {
	f := policies(t, nightly).sets("nightly", -48, 30)
	f.recorded(adopted(f))
	future, older := f.o.Policies["nightly"].Sets[0].ID, f.o.Policies["nightly"].Sets[1].ID
	p, diags := f.propose()
	if diags.HasErrors() || !strings.HasPrefix(kinds(p.Steps), "prepare") {
		t.Fatalf("%s, %v", kinds(p.Steps), diags)
	}
	if text := said(diags); !strings.Contains(text, "dated in the future") || !strings.Contains(text, future) {
		t.Errorf("said: %s", text)
	}
	if h := f.o.Headline(); !strings.Contains(h, "30 h old") {
		t.Errorf("the head line: %s", h)
	}
	restored := func(id string) (string, hcl.Diagnostics) {
		f.p = New(Options{Order: &Order{Verb: Restore, Set: id}})
		p, diags := f.propose()
		if len(p.Steps) == 0 {
			return "", diags
		}
		c := &providers.Call{Action: p.Steps[0].Action}
		opened, err := open(c)
		if err != nil {
			t.Fatal(err)
		}
		return opened.Restore.Set, diags
	}
	if got, diags := restored(""); got != older {
		t.Errorf("restored without a name: %q, %v", got, diags)
	}
	if got, diags := restored(future); got != future {
		t.Errorf("restored by its name: %q, %v", got, diags)
	}
	f.o.Policies["nightly"].Sets = f.o.Policies["nightly"].Sets[:1]
	if got, diags := restored(""); got != "" || !strings.Contains(said(diags), "1 set is there, dated in the future") {
		t.Errorf("with none but that: %q, %v", got, diags)
	}
	if ids := decide(f.o.Policies["nightly"].Sets, policyKeepingOne, nil, now); len(ids) > 0 {
		t.Errorf("retention lets go %v", ids)
	}
}

// Each state of a set is said in its own words, and nobody is advised to remove
// what may be good.
func TestStatesInWords(t *testing.T) {
	for state, want := range map[set.State]string{
		set.Damaged: "is damaged", set.Incomplete: "is incomplete", set.RestoreFailed: "failed its restore test", set.Unknown: "cannot be read here",
	} {
		f := policies(t, nightly).sets("nightly", 1, 2)
		f.recorded(adopted(f))
		e := &f.o.Policies["nightly"].Sets[0]
		e.Broken = &set.StateError{Set: e.ID, State: state, Why: "why"}
		_, diags := f.propose()
		text := said(diags)
		if diags.HasErrors() || !strings.Contains(text, want) || !strings.Contains(text, "why") {
			t.Errorf("%s: %s", state, text)
		}
		if state != set.Damaged && (strings.Contains(text, "damaged") || strings.Contains(text, "remove its folder")) {
			t.Errorf("%s: %s", state, text)
		}
		if n := f.o.Policies["nightly"].newest(now); n == nil || n.ID == e.ID {
			t.Errorf("%s: it counts as the newest", state)
		}
		// Kept as long as no newer set is good, and unknown ones always.
		f.o.Policies["nightly"].Sets[0], f.o.Policies["nightly"].Sets[1] = f.o.Policies["nightly"].Sets[1], f.o.Policies["nightly"].Sets[0]
		f.o.Policies["nightly"].Sets[1].Manifest.Time = now.AddDate(0, 0, -9)
		gone := len(decide(f.o.Policies["nightly"].Sets, policyKeepingOne, nil, now)) == 1
		if gone == (state == set.Unknown) {
			t.Errorf("%s: retention lets it go: %v", state, gone)
		}
	}
}

// A destination that held sets and is empty or not there now is an error, also
// where nothing is due: its volume may not be mounted.
func TestDestinationThatIsGone(t *testing.T) {
	f := policies(t, nightly).sets("nightly", 1)
	f.recorded(adopted(f))
	if _, diags := f.propose(); diags.HasErrors() {
		t.Fatal(diags)
	}
	f.o.Policies["nightly"].Sets, f.o.Policies["nightly"].Unclaimed = nil, true
	p, diags := f.propose()
	if !diags.HasErrors() || len(p.Steps) > 0 || !strings.Contains(said(diags), "Mount the volume that holds it") {
		t.Errorf("%s, %s", kinds(p.Steps), said(diags))
	}
	f.p = New(Options{Order: &Order{Verb: Run, NewDestination: true}})
	if p, diags := f.propose(); diags.HasErrors() || len(p.Steps) == 0 {
		t.Errorf("a new destination: %v", diags)
	}
	// One that was never taken is made.
	f = policies(t, nightly)
	f.o.Policies["nightly"].Unclaimed = true
	if _, diags := f.propose(); diags.HasErrors() {
		t.Error(diags)
	}
}

// A restore in place says which folders it empties, for each class, and where a
// folder comes in the place of a link.
func TestRestoreSaysWhatItChanges(t *testing.T) {
	for class, folder := range map[string]string{"logs": "jobs", "exports": "exports", "rebuildable": "managed_datasets", "temporary": ""} {
		f := policies(t, nightly).sets("nightly", 1)
		m := &f.o.Policies["nightly"].Sets[0].Manifest
		m.Excluded = exclude.Rules{Classes: []string{class}}
		f.p = New(Options{Order: &Order{Verb: Restore}})
		p, diags := f.propose()
		if diags.HasErrors() || len(p.Steps) == 0 {
			t.Fatal(diags)
		}
		if text := said(diags); folder != "" && !strings.Contains(text, folder) || folder == "" && text != "" {
			t.Errorf("%s: %s", class, text)
		}
		f.p = New(Options{Order: &Order{Verb: Restore, Restore: RestoreOrder{Only: []string{"config/users.json"}}}})
		if _, diags := f.propose(); len(diags) > 0 {
			t.Errorf("%s, one file: %s", class, said(diags))
		}
	}
	f := policies(t, nightly).sets("nightly", 1)
	m := &f.o.Policies["nightly"].Sets[0].Manifest
	m.Excluded.Globs = []string{"**/*.bak"}
	m.Outside = &set.Outside{Followed: []set.Lead{{Path: "config", Target: "/disk2/config"}}}
	f.p = New(Options{Order: &Order{Verb: Restore}})
	_, diags := f.propose()
	if text := said(diags); !strings.Contains(text, "**/*.bak") || !strings.Contains(text, "config (to /disk2/config)") {
		t.Errorf("said: %s", text)
	}
}
