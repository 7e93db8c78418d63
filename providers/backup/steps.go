package backup

import (
	"fmt"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/backup/still"
	"github.com/dssctl/dssctl/providers/places"
)

// Rates that a first backup is reckoned with, in bytes a second.
const (
	saveRate   = 80e6
	verifyRate = 300e6
)

// databaseProbe is what a dump is decided by.
var databaseProbe = plan.Fingerprint{Probe: "config/general-settings.json#/internalDatabase", Subject: "internalDatabase in general-settings.json"}

var governProbe = plan.Fingerprint{Probe: "config/dip.properties#psql.jdbc.url", Subject: "psql.jdbc.url in dip.properties"}

// maker makes the steps of one policy.
type maker struct {
	req  providers.Request
	o    *Observation
	seen *observed
	a    args
	at   string // the block's address
	// instances are those of the estate, with their data directories.
	instances []places.Instance
}

func (p *Provider) maker(req providers.Request, o *Observation, b *config.Block) *maker {
	rec, _ := readRecord(req.Recorded) // Observe has read it already
	name := b.Labels[0]
	m := &maker{req: req, o: o, seen: o.Policies[name], at: b.Address, instances: p.all}
	if m.seen == nil {
		m.seen = &observed{}
	}
	m.a = args{policy: policyOf(req.Desired, b), Tool: p.o.Tool, Known: rec[name].Made && rec[name].Destination == policyOf(req.Desired, b).Destination}
	m.a.Held, m.a.Others = m.seen.Held, o.Others
	if m.a.Consistency == bySnapshot {
		m.a.Held = m.a.Snapshot
	}
	if former, ok := rec[name]; ok && retention.Shrinks(former.Retention, m.a.Retention) {
		m.a.Former = &former.Retention
	}
	return m
}

// external reports whether a dump belongs to a set.
func (m *maker) external() bool { return m.o.Database != nil && m.o.Database.External }

func (m *maker) step(kind plan.Kind, phase plan.Phase, window providers.Window, title, undo string) providers.Step {
	return providers.Step{
		Window: window,
		Action: plan.Action{
			Kind: kind, Phase: phase, Title: title, Block: m.at, Args: encode(m.a), Unit: m.at + " set",
			Undo: plan.Undo{Possible: true, How: undo},
			// What does not depend on the size is done in no time.
			Cost: plan.Cost{Seconds: 1},
		},
	}
}

// makeSet are the steps that make one set, verify it, and let retention work.
func (m *maker) makeSet() []providers.Step {
	var steps []providers.Step
	add := func(s providers.Step) { steps = append(steps, s) }
	stop := m.a.Consistency == byStop
	// Where DSS is stopped, what can be done before that is; elsewhere all is
	// done in one row.
	early, inside, window := plan.Doing, plan.Doing, providers.Online
	if stop {
		// Ahead of any change that shares the window.
		early, inside, window = plan.Prepare, plan.Protect, providers.Offline
	}
	add(m.step(KindPrepare, early, providers.Online, fmt.Sprintf("prepare a backup set in %s", m.a.Destination), "remove the unfinished set"))
	if stop && method.Warms(m.a.Method) && m.a.Held == "" {
		s := m.step(KindWarm, early, providers.Online, fmt.Sprintf("first pass with %s while DSS runs", m.a.Method), "nothing to undo")
		s.Cost = m.cost(KindWarm, saveRate)
		add(s)
	}
	held := m.held()
	if held != "" {
		add(m.step(KindHold, inside, window, "hold the data directory still: "+held, "remove it"))
	}
	if m.external() {
		s := m.step(KindDump, inside, window, "dump "+m.place(), "remove the dump")
		s.Cost = plan.Cost{} // not known
		s.Reads = []plan.Fingerprint{databaseProbe}
		if m.req.Facts.NodeType == "govern" {
			s.Reads = []plan.Fingerprint{governProbe}
		}
		add(s)
	}
	title := fmt.Sprintf("keep the data directory (%s)", m.a.Method)
	if m.a.Consistency == byLive {
		title = fmt.Sprintf("keep the data directory while it changes (%s)", m.a.Method)
	}
	save := m.step(KindSave, inside, window, title, "remove what was kept")
	if held != "" {
		// From the view, when DSS is up again.
		save = m.step(KindSave, plan.Doing, providers.Online, title, "remove what was kept")
	}
	save.Cost = m.cost(KindSave, saveRate)
	add(save)
	publish := m.step(KindPublish, plan.Doing, providers.Online, "write the manifest and publish the set", "")
	publish.Undo = plan.Undo{How: "the set stays; retention removes it"}
	add(publish)
	verify := m.step(KindVerify, plan.Doing, providers.Online, "verify the set: read all of it again", plan.OnlyLooks)
	verify.Cost = m.cost(KindVerify, verifyRate)
	add(verify)
	if !m.a.Retention.Empty() {
		add(m.prune("remove the sets that retention lets go", nil))
	}
	return steps
}

// held says how the data directory is held still, "" when it is DSS's stop that
// does it, or nothing.
func (m *maker) held() string {
	switch {
	case m.a.Consistency == bySnapshot && m.a.Snapshot == "commands":
		return "snapshot by own commands"
	case m.a.Consistency == bySnapshot:
		return m.a.Snapshot + " snapshot"
	case m.a.Held == still.Reflinks:
		return "copy by reference"
	case m.a.Held != "":
		return m.a.Held + " snapshot"
	}
	return ""
}

func (m *maker) place() string {
	d := m.o.Database
	if m.req.Facts.NodeType == "govern" {
		return fmt.Sprintf("the database %s on %s", d.Database, d.Host)
	}
	s := fmt.Sprintf("the runtime databases in schema %s on %s", d.Schema, d.Host)
	if d.Prefix != "" {
		s = fmt.Sprintf("the runtime databases in schema %s, prefix %s, on %s", d.Schema, d.Prefix, d.Host)
	}
	return s
}

// prune removes exactly these sets, or, with none, what retention lets go then.
func (m *maker) prune(title string, ids []string) providers.Step {
	a := m.a
	a.Sets = ids
	s := providers.Step{Window: providers.Online, Action: plan.Action{
		Kind: KindPrune, Phase: plan.Clean, Title: title, Block: m.at, Args: encode(a), Unit: m.at + " prune",
		Undo: plan.Undo{How: "removed sets are gone"},
	}}
	return s
}

// verify reads sets again.
func (m *maker) verify(e set.Entry, quick bool) providers.Step {
	a := m.a
	a.Sets, a.Quick = []string{e.ID}, quick
	title := fmt.Sprintf("verify the set %s: read all of it again", e.ID)
	if quick {
		title = fmt.Sprintf("verify the set %s, without reading all of it", e.ID)
	}
	s := m.step(KindVerify, plan.Doing, providers.Online, title, plan.OnlyLooks)
	s.Args, s.Unit = encode(a), m.at+" verify"
	if !quick {
		s.Cost = plan.Cost{Bytes: e.Manifest.Part.Stored, Seconds: 1 + float64(e.Manifest.Part.Stored)/m.rate(KindVerify, verifyRate)}
	}
	return s
}

// test restores a set for trial.
func (m *maker) test(e set.Entry) providers.Step {
	a := m.a
	a.Sets = []string{e.ID}
	s := m.step(KindRestoreTest, plan.Doing, providers.Online,
		fmt.Sprintf("restore the set %s into a scratch folder and look at it", e.ID), plan.OnlyLooks)
	s.Args, s.Unit = encode(a), m.at+" test"
	s.Cost = plan.Cost{Bytes: e.Manifest.Part.Bytes, Seconds: 1 + float64(e.Manifest.Part.Bytes)/m.rate(KindRestoreTest, saveRate)}
	return s
}

func (m *maker) rate(kind plan.Kind, first float64) float64 {
	if r := m.req.Throughput[string(kind)]; r > 0 {
		return r
	}
	return first
}

// cost reckons with the bytes of the newest set, where there is one.
func (m *maker) cost(kind plan.Kind, first float64) plan.Cost {
	n := m.seen.newest(m.o.Now)
	if n == nil || n.Manifest.Part.Bytes <= 0 {
		return plan.Cost{} // not known
	}
	bytes := n.Manifest.Part.Bytes
	if kind == KindVerify {
		bytes = n.Manifest.Part.Stored
	}
	return plan.Cost{Bytes: bytes, Seconds: 1 + float64(bytes)/m.rate(kind, first)}
}

// about names a set for a title.
func about(e set.Entry) string {
	return fmt.Sprintf("%s (%s, %s)", e.ID, e.Manifest.Time.Format("2006-01-02 15:04"), humanize.Bytes(e.Manifest.Part.Bytes))
}
