package backup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/schedule/cron"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// Propose implements providers.Provider.
func (p *Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	o, ok := req.Observed.(*Observation)
	if !ok || o == nil {
		o = &Observation{}
	}
	var blocks []*config.Block
	if req.Desired != nil && req.Desired.Block != nil {
		blocks = req.Desired.Children(Name)
	}
	if p.o.Order != nil {
		return p.order(req, o, blocks)
	}
	var out providers.Proposal
	var diags hcl.Diagnostics
	rec, _ := readRecord(req.Recorded) // Observe has read it already
	declared := map[string]bool{}
	for _, b := range blocks {
		m := p.maker(req, o, b)
		declared[m.a.Name] = true
		diags = append(diags, m.check(b)...)
		m.propose(p, b, rec, &out)
	}
	for _, name := range slices.Sorted(maps.Keys(rec)) {
		if !declared[name] {
			handBack(req, o, name, rec[name], &out)
		}
	}
	if diags.HasErrors() {
		out.Steps = nil
	}
	return out, diags
}

// propose compares one policy.
func (m *maker) propose(p *Provider, b *config.Block, rec record, out *providers.Proposal) {
	was, known := rec[m.a.Name]
	switch {
	case !known:
		out.Changes = append(out.Changes, m.created(b)...)
	case was.Destination != m.a.Destination:
		out.Changes = append(out.Changes, m.change(b, "destination", plan.Update, was.Destination, m.a.Destination,
			"the sets in "+was.Destination+" stay there"))
		was = policyRecord{Schedule: was.Schedule, Retention: was.Retention}
	}
	pruned := m.retention(b, was, known, out)
	if len(out.Changes) > 0 && out.Changes[len(out.Changes)-1].Block == Name+"."+m.a.Name {
		out.Steps = append(out.Steps, m.adopt())
	}
	out.Steps = append(out.Steps, pruned...)
	m.schedule(p, b, was.Schedule, out)
	m.overdue(b, was, out)
}

// adopt makes the destination and has state remember the policy.
func (m *maker) adopt() providers.Step {
	s := m.step(KindAdopt, plan.Doing, providers.Online, "take the destination "+m.a.Destination+" for this policy", "give it back")
	s.Unit = m.at + " policy"
	return s
}

func (m *maker) change(b *config.Block, path string, op plan.Op, before, after any, note string) plan.Change {
	c := plan.Change{Block: Name + "." + b.Labels[0], Path: path, Op: op, Note: note}
	if before != nil {
		c.Before = encode(before)
	}
	if after != nil {
		c.After = encode(after)
	}
	return c
}

// retention shows a policy that is to keep less: what it removes at once is
// named, and gated.
func (m *maker) retention(b *config.Block, was policyRecord, known bool, out *providers.Proposal) []providers.Step {
	if !known || was.Retention == m.a.Retention {
		return nil
	}
	out.Changes = append(out.Changes, m.change(b, "retention", plan.Update, words(was.Retention), words(m.a.Retention), ""))
	if !retention.Shrinks(was.Retention, m.a.Retention) {
		return nil
	}
	sets := retained(m.seen.Sets)
	var ids []string
	kept := keptBy(sets, was.Retention, m.o.Now)
	for _, d := range retention.Decide(sets, m.a.Retention, m.o.Now, time.Local) {
		if !d.Keep && kept[d.Set] {
			ids = append(ids, d.Set)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	applied := *m
	applied.a.Former = nil
	s := applied.prune(fmt.Sprintf("remove %s that retention no longer keeps: %s", counted(len(ids), "set"), strings.Join(ids, ", ")), ids)
	s.Danger = plan.Irreversible
	return []providers.Step{s}
}

// words is a retention as a reader of a plan wants it.
func words(p retention.Policy) string {
	if p.Empty() {
		return "all sets are kept"
	}
	var parts []string
	for _, r := range []struct {
		name  string
		count int
	}{
		{"last", p.KeepLast},
		{"hourly", p.KeepHourly},
		{"daily", p.KeepDaily},
		{"weekly", p.KeepWeekly},
		{"monthly", p.KeepMonthly},
		{"yearly", p.KeepYearly},
	} {
		if r.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", r.count, r.name))
		}
	}
	if p.KeepWithin != (retention.Span{}) {
		parts = append(parts, "all within "+p.KeepWithin.String())
	}
	return "keep " + strings.Join(parts, ", ")
}

func keptBy(sets []retention.Set, p retention.Policy, now time.Time) map[string]bool {
	out := map[string]bool{}
	for _, d := range retention.Decide(sets, p, now, time.Local) {
		out[d.Set] = d.Keep
	}
	return out
}

// overdue proposes what the policy's spans ask for.
func (m *maker) overdue(b *config.Block, was policyRecord, out *providers.Proposal) {
	newest := m.seen.newest(m.o.Now)
	since := func(t time.Time) time.Duration { return m.o.Now.Sub(t) }
	if most := span(b, "max_age"); most > 0 && m.seen.Problem == "" && (newest == nil || since(newest.Manifest.Time) > most) {
		before, note := any(nil), "there is none yet"
		if newest != nil {
			before, note = newest.ID, fmt.Sprintf("it is %s old, and at most %s are declared", age(since(newest.Manifest.Time)), b.String("max_age"))
		}
		out.Changes = append(out.Changes, m.change(b, "newest_set", opOf(before), before, "a new set", note))
		out.Steps = append(out.Steps, m.makeSet()...)
		return // it is verified with that
	}
	if newest == nil {
		return
	}
	if every := span(b, "verify_every"); every > 0 && since(latest(was.Verified, newest.Manifest.Finished, was.Adopted)) > every { // a new set is verified
		out.Changes = append(out.Changes, m.change(b, "verified", plan.Update, moment(was.Verified), "now", "every "+b.String("verify_every")+" is declared"))
		out.Steps = append(out.Steps, m.verify(*newest, false))
	}
	if every := span(b, "restore_test_every"); every > 0 && since(latest(was.Tested, was.Adopted)) > every {
		out.Changes = append(out.Changes, m.change(b, "restore_tested", plan.Update, moment(was.Tested), "now", "every "+b.String("restore_test_every")+" is declared"))
		out.Steps = append(out.Steps, m.test(*newest))
	}
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

func opOf(before any) plan.Op {
	if before == nil {
		return plan.Create
	}
	return plan.Update
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// headlines say of a set that does not count what is known of it, and advice what
// to do about it.
var (
	headlines = map[set.State]string{
		set.Damaged: "is damaged", set.Incomplete: "is incomplete", set.RestoreFailed: "failed its restore test", set.Unknown: "cannot be read here",
	}
	advice = map[set.State]string{
		set.Damaged:       "It is left alone; remove its folder by hand when you have looked.",
		set.Incomplete:    "It is left alone, and what it does hold can be looked at in its folder.",
		set.RestoreFailed: "It is left alone. When the cause lay elsewhere and is fixed, remove the file RESTORE-FAILED in its folder: then it counts again, and the next restore test tries it.",
		set.Unknown:       "Nothing is known against the set itself: look at the rights of its folder, or use the dssctl that wrote it.",
	}
)

// handBack gives up a policy that left the files: its entry goes, its sets stay.
func handBack(req providers.Request, o *Observation, name string, was policyRecord, out *providers.Proposal) {
	m := &maker{req: req, o: o, at: req.Address + "." + Name + "." + name, a: args{
		policy: policy{Name: name, Destination: was.Destination}, Gone: true,
	}}
	c := plan.Change{Block: Name + "." + name, Op: plan.Forget, Note: "no longer declared; its sets stay in " + was.Destination}
	s := m.step(KindAdopt, plan.Doing, providers.Online, "give the policy up", "remember it again")
	if was.Schedule != nil {
		c.Note = "no longer declared; its schedule entry is removed, its sets stay in " + was.Destination
		s = m.unschedule(*was.Schedule)
	}
	s.Unit = m.at + " policy"
	out.Changes = append(out.Changes, c)
	out.Steps = append(out.Steps, s)
}

// check says what stands in the way of the policy's work.
func (m *maker) check(b *config.Block) hcl.Diagnostics {
	var diags hcl.Diagnostics
	add := func(severity hcl.DiagnosticSeverity, attr, summary, detail string) {
		diags = append(diags, &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: detail, Subject: b.RangeOf(attr)})
	}
	fail := func(attr, summary, format string, args ...any) {
		add(hcl.DiagError, attr, summary, fmt.Sprintf(format, args...))
	}
	warn := func(attr, summary, format string, args ...any) {
		add(hcl.DiagWarning, attr, summary, fmt.Sprintf(format, args...))
	}
	if m.seen.Misplaced != "" {
		fail("destination", "The destination is no place for backup sets", "%s: %s.", b.Address, m.seen.Misplaced)
	}
	if m.a.Known && m.seen.Unclaimed {
		fail("destination", "The backup destination is gone", "The destination %s of %s held its sets, and there are none of them there now. %s", m.a.Destination, b.Address, goneRemedy)
	}
	if m.seen.Problem != "" {
		fail("destination", "The backup sets cannot be listed", "%s.", m.seen.Problem)
	}
	if m.seen.Method != "" {
		fail("method", "The backup method cannot work here", "%s with the method %q: %s.", b.Address, m.a.Method, strings.TrimSuffix(m.seen.Method, "."))
	}
	if m.a.Consistency == bySnapshot && m.seen.Snapshot != "" {
		fail("consistency", "No snapshot can be made here", "%s: %s.", b.Address, strings.TrimSuffix(m.seen.Snapshot, "."))
	}
	if m.a.Consistency == byLive {
		warn("consistency", "A live backup may not open again", "The documentation of DSS warns of backups that are made while it runs: databases and files of one moment may not fit those of another. Critical files are text and are written as a whole; the embedded databases (`databases/`, `timelines/`) are at risk. `consistency = \"stop\"` or `\"snapshot\"` keep one moment.")
	}
	if m.a.Snapshot == "commands" && m.a.Commands == nil {
		fail("snapshot", "No commands are given", "With `snapshot = \"commands\"` %s needs a block `snapshot_commands`.", b.Address)
	}
	if !hasRepository(m.a.Method) {
		for _, attr := range []string{"repository", "repository_password", "environment"} {
			if b.Declared(attr) && (m.a.Method != method.Duplicity || attr == "repository") {
				fail(attr, "This method has no repository", "%s: %q is for the method restic, and the method is %q.", b.Address, attr, m.a.Method)
			}
		}
	}
	if m.a.Method == method.Restic && m.a.Password == nil {
		fail("method", "restic needs a password", "%s: give `repository_password`, as a sensitive value. restic encrypts all that it keeps; without the password nothing can be restored.", b.Address)
	}
	switch {
	case m.o.DatabaseProblem != "":
		fail("", "The runtime databases are not clear", "What a set has to hold depends on where the runtime databases are, and that could not be read: %s.", m.o.DatabaseProblem)
	case m.external() && m.a.Database == nil && m.o.Database.LoginPassword() == "":
		fail("", "No password for the dump", "The runtime databases of %s are in PostgreSQL, and no password is known: declare it in `runtime_database`, or give `database_password` in %s.", m.req.Address, b.Address)
	case m.external() && m.a.Database == nil && m.o.Database.Encrypted():
		fail("", "No password for the dump", "The runtime databases of %s are in PostgreSQL, and DSS keeps the password encrypted, so dssctl cannot read it: declare it in `runtime_database`, or give `database_password` in %s.", m.req.Address, b.Address)
	}
	for _, e := range m.seen.Sets {
		if e.Broken != nil {
			warn("destination", "A backup set "+headlines[e.State()], "The set %s in %s does not count: %s. %s", e.ID, m.a.Destination, strings.TrimSuffix(e.Broken.Error(), "."), advice[e.State()])
		}
	}
	for _, e := range m.seen.ahead(m.o.Now) {
		warn("destination", "A backup set is dated in the future", "The set %s in %s is of %s, and it is %s now: a clock is or was wrong. The set is kept; it does not count as the newest, and a restore takes it only when it is named.", e.ID, m.a.Destination, moment(e.Manifest.Time), moment(m.o.Now))
	}
	if x, err := cron.Parse(b.String("schedule")); err == nil {
		for _, text := range x.Warnings(m.o.Now.In(time.Local)) {
			warn("schedule", "The schedule may not mean what it seems to", "%s: %s.", b.Address, strings.TrimSuffix(text, "."))
		}
	}
	if slices.Contains(m.a.Rules.Classes, "rebuildable") {
		warn("exclude", "Data that may not be rebuilt is left out", "%s leaves out managed datasets, analyses and saved models: after a restore they are empty until they are built again, and a deployed model cannot always be built the same again.", b.Address)
	}
	return diags
}

// CheckEstate refuses two policies with one destination: retention counts sets.
func (p *Provider) CheckEstate(all []providers.Request) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := map[string]*config.Block{}
	for _, req := range all {
		if req.Desired == nil || req.Desired.Block == nil {
			continue
		}
		for _, b := range req.Desired.Children(Name) {
			dir := policyOf(req.Desired, b).Destination
			place := dir
			if o, ok := req.Observed.(*Observation); ok && o != nil && o.Policies[b.Labels[0]] != nil && o.Policies[b.Labels[0]].Place != "" {
				place = o.Policies[b.Labels[0]].Place
			}
			if other := first[place]; other != nil {
				diags = append(diags, &hcl.Diagnostic{
					Severity: hcl.DiagError, Summary: "Two policies have one destination", Subject: b.RangeOf("destination"),
					Detail: fmt.Sprintf("%s and %s both keep their sets in %s. Retention counts the sets of a destination: give each its own.", other.Address, b.Address, dir),
				})
				continue
			}
			first[place] = b
		}
	}
	return diags
}
