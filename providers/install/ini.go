package install

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// iniName names the aspect, its attribute, and its record.
const iniName = "install_ini"

// INI is the aspect install_ini: single lines of install.ini.
type INI struct{}

// NewINI returns the provider.
func NewINI() *INI { return &INI{} }

var (
	_ providers.Provider = (*INI)(nil)
	_ providers.Importer = (*INI)(nil)
)

// Name is "install_ini".
func (*INI) Name() string { return iniName }

// Schema is the attribute install_ini.
func (*INI) Schema() schema.Fragment {
	return schema.Fragment{Attributes: []schema.Attribute{{
		Name: iniName, Type: cty.Map(cty.Map(cty.String)), Check: checkINI,
		Doc: "Values of `install.ini`, by section and key. They are set line by line, while DSS is stopped; comments, order and other keys stay. " +
			"The port and the type of node have attributes of their own.",
		Example: `{ javaopts = { "backend.xmx" = "8g" } }`,
	}}}
}

// Performers has the code of the two steps.
func (*INI) Performers() map[plan.Kind]providers.Performer { return performers() }

// Import writes nothing: what is not declared is not managed.
func (*INI) Import(providers.Observation, dss.Facts) providers.Draft { return providers.Draft{} }

// reserved are the keys that are not install_ini's.
var reserved = map[string]string{
	"server.port":       "the attribute port is for that",
	"general.nodetype":  "the type of a node cannot be changed; the attribute node_type checks it",
	"general.installid": "it is the identity that DSS got when it was installed, and must not be changed",
}

// checkINI checks what can be said without the live world.
func checkINI(v cty.Value) error {
	_, err := linesOf("", v)
	return err
}

// linesOf lists the declared lines in the order of their names. The errors
// quote no value.
func linesOf(address string, v cty.Value) ([]line, error) {
	v, marks := v.Unmark()
	var out []line
	seen := map[string]bool{}
	for it := v.ElementIterator(); it.Next(); {
		k, section := it.Element()
		name := plainString(k)
		section, sectionMarks := section.Unmark()
		if err := iniedit.CheckSection(name); err != nil {
			return nil, fmt.Errorf("must have names of sections as its keys: %w", err)
		}
		if section.IsNull() {
			return nil, fmt.Errorf("must have a map of keys for [%s], not null", name)
		}
		for keys := section.ElementIterator(); keys.Next(); {
			k, value := keys.Element()
			key := plainString(k)
			l := line{Section: name, Key: strings.ToLower(key)}
			value, valueMarks := value.Unmark()
			if err := checkLine(&l, key, value, seen); err != nil {
				return nil, err
			}
			seen[l.name()] = true
			if len(marks)+len(sectionMarks)+len(valueMarks) > 0 {
				path := cty.Path{cty.IndexStep{Key: cty.StringVal(name)}, cty.IndexStep{Key: cty.StringVal(key)}}
				l.Value = secret.Ref(config.SecretName(address, iniName, path))
			} else {
				l.Value = secret.Plain(value.AsString())
			}
			out = append(out, l)
		}
	}
	return out, nil
}

func plainString(v cty.Value) string {
	v, _ = v.Unmark()
	return v.AsString()
}

func checkLine(l *line, key string, value cty.Value, seen map[string]bool) error {
	if why, ok := reserved[l.name()]; ok {
		return fmt.Errorf("must not set %s: %s", l.name(), why)
	}
	if err := iniedit.CheckKey(key); err != nil {
		return fmt.Errorf("must have keys of install.ini in [%s]: %w", l.Section, err)
	}
	if seen[l.name()] {
		return fmt.Errorf("must not have %s twice: keys of install.ini have no case", l.name())
	}
	if value.IsNull() {
		return fmt.Errorf("must have a string for %s, not null: to remove a key, edit install.ini and run regenerate-config", l.name())
	}
	if err := iniedit.CheckValue(value.AsString()); err != nil {
		return fmt.Errorf("must have a value for %s that install.ini can hold: %w", l.name(), err)
	}
	return nil
}

// iniObservation is what install.ini says of the declared lines, by name; what
// is not there is absent.
type iniObservation struct {
	live map[string]string
}

// Observe reads the declared lines.
func (*INI) Observe(_ context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &iniObservation{live: map[string]string{}}
	b := declared(req.Desired, iniName)
	if b == nil {
		return o, nil
	}
	lines, err := linesOf(b.Address, b.Value(iniName))
	if err != nil || len(lines) == 0 {
		return o, nil //nolint:nilerr // Propose reports it with its place
	}
	file, err := req.Instance.InstallINI()
	if err != nil {
		return nil, err
	}
	for i := range lines {
		if value, ok := file.Get(lines[i].Section, lines[i].Key); ok {
			o.live[lines[i].name()] = value
		}
	}
	return o, nil
}

// iniRecord is what state remembers: which lines dssctl has set.
type iniRecord struct {
	Set []string `json:"set"`
}

func readINIRecord(raw json.RawMessage) iniRecord {
	var r iniRecord
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &r) // memory is no second truth: unreadable is none
	}
	return r
}

// Propose compares line by line. It is pure.
func (*INI) Propose(req providers.Request) (providers.Proposal, hcl.Diagnostics) {
	rec := readINIRecord(req.Recorded)
	b := declared(req.Desired, iniName)
	if b == nil {
		return forgetINI(req, rec), nil
	}
	at := b.RangeOf(iniName)
	lines, err := linesOf(b.Address, b.Value(iniName))
	if err != nil {
		return providers.Proposal{}, hcl.Diagnostics{failure(at, "Invalid value", "install_ini %s.", err)}
	}
	o, ok := req.Observed.(*iniObservation)
	if !ok {
		return providers.Proposal{}, hcl.Diagnostics{failure(at, "install.ini was not observed", "Nothing is known of install.ini of %s.", req.Address)}
	}
	var out providers.Proposal
	var diags hcl.Diagnostics
	var changed []line
	next := iniRecord{Set: []string{}}
	for i := range lines {
		l := &lines[i]
		want, err := l.Value.Reveal(req.Secrets)
		if err != nil {
			diags = append(diags, failure(at, "A secret has no value", "install_ini: %s: %s.", l.name(), err))
			continue
		}
		next.Set = append(next.Set, l.name())
		if d := checkHeap(l, want, at); d != nil {
			diags = append(diags, d)
		}
		live, there := o.live[l.name()]
		if there && live == want {
			continue
		}
		changed = append(changed, *l)
		out.Changes = append(out.Changes, changeOf(l, want, live, there))
	}
	slices.Sort(next.Set)
	for _, name := range rec.Set {
		if !slices.Contains(next.Set, name) {
			out.Changes = append(out.Changes, forgottenLine(name))
		}
	}
	if diags.HasErrors() {
		return providers.Proposal{Changes: out.Changes}, diags
	}
	record := marshal(next)
	switch {
	case len(changed) > 0:
		out.Steps = stepsFor(req, iniName, iniTitle(changed), changed, record)
	case !jsonedit.Equal(req.Recorded, record):
		out.Record = record
	}
	return out, diags
}

func iniTitle(changed []line) string {
	if len(changed) == 1 {
		return fmt.Sprintf("set %s in install.ini", changed[0].name())
	}
	return fmt.Sprintf("set %d lines in install.ini", len(changed))
}

func changeOf(l *line, want, live string, there bool) plan.Change {
	c := plan.Change{Block: iniName, Path: l.name(), Op: plan.Update}
	if !there {
		c.Op = plan.Create
	}
	before, after := secret.Shown(live, l.Section, l.Key), secret.Shown(want, l.Section, l.Key)
	if l.Value.IsSecret() || before == secret.Placeholder || after == secret.Placeholder {
		c.Secret = true
		return c
	}
	if there {
		c.Before = marshal(before)
	}
	c.After = marshal(after)
	if before != live && before == after {
		c.Note = "parts that may be secret are not shown"
	}
	return c
}

func forgetINI(req providers.Request, rec iniRecord) providers.Proposal {
	if len(req.Recorded) == 0 {
		return providers.Proposal{}
	}
	out := providers.Proposal{Forget: true}
	for _, name := range rec.Set {
		out.Changes = append(out.Changes, forgottenLine(name))
	}
	return out
}

func forgottenLine(name string) plan.Change {
	return plan.Change{Block: iniName, Path: name, Op: plan.Forget, Note: "no longer declared; the line stays as it is in install.ini"}
}
