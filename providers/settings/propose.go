package settings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// mergeArgs are the arguments of settings.merge.
type mergeArgs struct {
	Leaves []leaf `json:"leaves"`
	// Record is what state shall say when it is done.
	Record record `json:"record"`
}

// Propose compares the declaration with the file. It is pure.
func (*Provider) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	b := declared(req.Desired)
	rec := readRecord(req.Recorded)
	if b == nil {
		return forget(req, rec), nil
	}
	p := &proposer{req: req, b: b, rec: rec, next: record{Set: []string{}}}
	leaves, err := leavesOf(b)
	if err != nil {
		p.fail("Invalid value", "general_settings %s.", err)
	}
	o, ok := req.Observed.(*observation)
	switch {
	case !ok && len(leaves) > 0:
		p.fail("general-settings.json was not observed", "Nothing is known of the settings of %s.", req.Address)
	case ok && o.missing:
		p.fail("general-settings.json is not there",
			"general_settings is merged into config/general-settings.json of %s, which does not exist. Start DSS once, so that it writes the file; an API node has none.", req.Address)
	}
	for i := range leaves {
		p.check(&leaves[i])
	}
	if p.diags.HasErrors() {
		return providers.Proposal{}, p.diags
	}
	for i := range leaves {
		p.leaf(&leaves[i], o.live[leaves[i].pointer()])
	}
	p.dropped(leaves)
	p.finish()
	if p.diags.HasErrors() {
		p.out.Steps, p.out.Record = nil, nil
	}
	return p.out, p.diags
}

// forget gives up what an earlier declaration set; nothing is touched.
func forget(req providers.Request, rec record) providers.Proposal {
	if len(req.Recorded) == 0 {
		return providers.Proposal{}
	}
	out := providers.Proposal{Forget: true}
	for _, pointer := range rec.Set {
		out.Changes = append(out.Changes, forgotten(pointer))
	}
	return out
}

func forgotten(pointer string) plan.Change {
	return plan.Change{Block: Name, Path: pathText(keysOf(pointer)), Op: plan.Forget, Note: "no longer declared; the value stays as it is in general-settings.json"}
}

// keysOf takes a pointer of the record apart.
func keysOf(pointer string) []string {
	keys := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, k := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys
}

// proposer is one call of Propose.
type proposer struct {
	req     providers.Request
	b       *config.Block
	rec     record
	next    record
	changed []leaf
	out     providers.Proposal
	diags   hcl.Diagnostics
}

func (p *proposer) fail(summary, detail string, args ...any) {
	p.diags = append(p.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: p.b.RangeOf(Name),
	})
}

// check refuses what another aspect is for, and secrets that would be written
// into the plan.
func (p *proposer) check(l *leaf) {
	path := pathText(l.Keys)
	if l.Keys[0] == databaseKey {
		p.fail("The runtime databases are another aspect",
			"general_settings.%s is where DSS keeps its runtime databases, and changing that takes more than an edit. Declare it with a block runtime_database.", path)
		return
	}
	if l.Remove || l.secret() {
		return
	}
	if _, err := l.json(nil); err != nil {
		p.fail("Invalid value", "general_settings.%s: %s.", path, err)
	}
}

// leaf compares one place.
func (p *proposer) leaf(l *leaf, live found) {
	want, err := l.json(p.req.Secrets)
	if err != nil {
		p.fail("A secret has no value", "general_settings.%s: %s.", pathText(l.Keys), err)
		return
	}
	if !l.Remove {
		p.next.Set = append(p.next.Set, l.pointer())
	}
	note := ""
	if !settled(l, want, live) {
		if e, ok := remembered(p.req.Key, p.rec, l, want, live); ok {
			p.remember(l, e)
			return
		}
		if l.secret() && live.raw != nil && equalButEncrypted(want, live.raw) {
			note = "DSS keeps it encrypted, and it is not what dssctl set last: it is set again"
			if _, ok := l.toEncrypt(want, live); ok {
				note += ", encrypted"
			}
		}
		c := change(l, live)
		if note != "" {
			c.Note = note
		}
		p.out.Changes = append(p.out.Changes, c)
		p.changed = append(p.changed, *l)
		p.exposed(l, want, live)
	}
	if l.secret() {
		p.remember(l, encryption{Value: valueSum(p.req.Key, l, want)})
	}
}

func (p *proposer) remember(l *leaf, e encryption) {
	if p.next.Encrypted == nil {
		p.next.Encrypted = map[string]encryption{}
	}
	p.next.Encrypted[l.pointer()] = e
}

// dropped says which places are no longer declared.
func (p *proposer) dropped(leaves []leaf) {
	for _, pointer := range p.rec.Set {
		if !has(leaves, pointer) {
			p.out.Changes = append(p.out.Changes, forgotten(pointer))
		}
	}
}

// finish adds the step, or the record where there is nothing to do.
func (p *proposer) finish() {
	slices.Sort(p.next.Set)
	if len(p.changed) == 0 {
		if len(p.req.Recorded) == 0 || !p.next.equal(p.rec) {
			p.out.Record = marshal(p.next)
		}
		return
	}
	step := providers.Step{Window: providers.Offline, Action: plan.Action{
		Kind: KindMerge, Title: title(p.changed), Phase: plan.Doing,
		Args: marshal(mergeArgs{Leaves: p.changed, Record: p.next}),
		Undo: plan.Undo{Possible: true, How: "exact bytes; just these values if DSS has changed the file since"},
		Cost: plan.Cost{Seconds: 0.1},
	}}
	for i := range p.changed {
		l := &p.changed[i]
		at := l.pointer()
		if blocked := p.blocked(l); blocked != "" {
			at = blocked
		}
		probe := dss.SettingsFile + "#" + at
		if !slices.ContainsFunc(step.Reads, func(f plan.Fingerprint) bool { return f.Probe == probe }) {
			step.Reads = append(step.Reads, plan.Fingerprint{Probe: probe, Subject: pathText(keysOf(at)) + " in general-settings.json"})
		}
	}
	p.out.Steps = append(p.out.Steps, step)
}

func (p *proposer) blocked(l *leaf) string {
	o, _ := p.req.Observed.(*observation)
	return o.live[l.pointer()].blocked
}

func title(changed []leaf) string {
	if len(changed) > 1 {
		return fmt.Sprintf("change %d values in general-settings.json", len(changed))
	}
	verb := "set"
	if changed[0].Remove {
		verb = "remove"
	}
	return fmt.Sprintf("%s %s in general-settings.json", verb, pathText(changed[0].Keys))
}

// marshal writes what the package made itself: that can always be written.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("settings: write %T as JSON: %v", v, err))
	}
	return raw
}
