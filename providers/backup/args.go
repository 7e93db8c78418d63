package backup

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/backup/still"
)

// policy is what a block declares, fit for a plan: secrets are references.
type policy struct {
	Name        string                 `json:"name"`
	Destination string                 `json:"destination"`
	Method      string                 `json:"method"`
	Consistency string                 `json:"consistency"`
	Snapshot    string                 `json:"snapshot,omitempty"` // "" where none is made
	Size        string                 `json:"snapshot_size,omitempty"`
	Commands    *commands              `json:"snapshot_commands,omitempty"`
	Repository  string                 `json:"repository,omitempty"`
	Password    *secret.Text           `json:"repository_password,omitempty"`
	Environment map[string]secret.Text `json:"environment,omitempty"`
	Compression string                 `json:"compression,omitempty"`
	Rules       exclude.Rules          `json:"exclude,omitzero"`
	Retention   retention.Policy       `json:"retention,omitzero"`
	Database    *secret.Text           `json:"database_password,omitempty"`
	Sudo        bool                   `json:"sudo,omitempty"`
}

// policyOf reads a block.
func policyOf(in *config.Instance, b *config.Block) policy {
	p := policy{
		Name: b.Labels[0], Destination: filepath.Clean(b.String("destination")), Method: b.String("method"),
		Consistency: b.String("consistency"), Repository: b.String("repository"),
		Rules:     exclude.Rules{Classes: stringsOf(b.Value("exclude")), Globs: stringsOf(b.Value("exclude_paths"))},
		Retention: retentionOf(b.Child("retention")),
		Sudo:      b.String("privilege") == "sudo",
	}
	if p.Method == method.Archive {
		p.Compression = b.String("compression")
	}
	switch p.Consistency {
	case bySnapshot:
		p.Snapshot = b.String("snapshot")
		if p.Snapshot == "lvm" || p.Snapshot == "auto" {
			p.Size = b.String("snapshot_size")
		}
		if c := b.Child("snapshot_commands"); c != nil && p.Snapshot == "commands" {
			p.Commands = &commands{
				Create: stringsOf(c.Value("create")), Mount: stringsOf(c.Value("mount")),
				Unmount: stringsOf(c.Value("unmount")), Destroy: stringsOf(c.Value("destroy")),
			}
		}
	}
	if b.Has("repository_password") {
		t := b.Text("repository_password")
		p.Password = &t
	}
	if b.Has("environment") {
		// The whole map is secret; its value under this name is its JSON.
		p.Environment = map[string]secret.Text{"": b.Text("environment")}
	}
	p.Database = databasePassword(in, b)
	return p
}

// commands are the administrator's own, as the plan has them.
type commands struct {
	Create  []string `json:"create"`
	Mount   []string `json:"mount,omitempty"`
	Unmount []string `json:"unmount,omitempty"`
	Destroy []string `json:"destroy"`
}

func (c *commands) still() still.Commands {
	if c == nil {
		return still.Commands{}
	}
	return still.Commands{Create: c.Create, Mount: c.Mount, Unmount: c.Unmount, Destroy: c.Destroy}
}

// databasePassword is what the dump logs in with: the block's own, or the one
// that the instance declares.
func databasePassword(in *config.Instance, b *config.Block) *secret.Text {
	for _, from := range []struct {
		b    *config.Block
		name string
	}{{b, "database_password"}, {in.Child("runtime_database"), "password"}} {
		if from.b != nil && from.b.Has(from.name) {
			t := from.b.Text(from.name)
			return &t
		}
	}
	return nil
}

func retentionOf(b *config.Block) retention.Policy {
	var p retention.Policy
	if b == nil {
		return p
	}
	p.KeepLast, p.KeepHourly, p.KeepDaily = int(b.Int("keep_last")), int(b.Int("keep_hourly")), int(b.Int("keep_daily"))
	p.KeepWeekly, p.KeepMonthly, p.KeepYearly = int(b.Int("keep_weekly")), int(b.Int("keep_monthly")), int(b.Int("keep_yearly"))
	if s := b.String("keep_within"); s != "" {
		p.KeepWithin, _ = retention.ParseSpan(s) // checked by the schema
	}
	return p
}

// span is a block's span of time, 0 when absent.
func span(b *config.Block, name string) time.Duration {
	d, _ := parseSpan(b.String(name)) // checked by the schema
	return d
}

// call is a Call with its decoded arguments.
type call struct {
	*providers.Call
	args
	store set.Store
}

// args are the arguments of every action of a backup.
type args struct {
	policy
	// Held is the kind of view that is made of the data directory, see
	// still.Kinds; "" for none.
	Held string `json:"held,omitempty"`
	// Others are longer table prefixes of other instances in the same schema.
	Others []string `json:"other_prefixes,omitempty"`
	// Known says that the destination held this policy's sets before: when it
	// is empty now, its volume is not there.
	Known bool `json:"known,omitempty"`
	// Tool is dssctl's version, for the manifest.
	Tool string `json:"tool,omitempty"`
	// Sets are those that a verification, test or removal is about.
	Sets []string `json:"sets,omitempty"`
	// Quick verifies what can be told without reading all data.
	Quick bool `json:"quick,omitempty"`
	// Former is the retention that was applied before, while a new one that
	// removes more waits for its apply.
	Former *retention.Policy `json:"former_retention,omitempty"`
	// Schedule is the entry to install, or with Unschedule to remove.
	Schedule   *entry `json:"schedule,omitempty"`
	Unschedule bool   `json:"unschedule,omitempty"`
	// Gone says that the policy has left the files: state forgets it.
	Gone bool `json:"gone,omitempty"`
	// Restore is what a restore takes out, and where to.
	Restore *restoreArgs `json:"restore,omitempty"`
}

func open(c *providers.Call) (*call, error) {
	out := &call{Call: c}
	if err := c.Args(&out.args); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.Action.Kind, err)
	}
	out.store = set.Store{Dir: out.Destination}
	if out.Restore != nil && out.Restore.Elsewhere != nil {
		// What was restored may have links that lead into the original.
		confined := *c
		confined.Instance = c.Instance.Confined()
		out.Call = &confined
	}
	return out, nil
}

// owner is whose the destination is.
func (c *call) owner() set.Owner { return ownerOf(c.Address, c.Name, c.Instance.DataDir) }

// method makes the block's method ready.
func (c *call) method() (method.Method, error) {
	o := method.Options{
		DataDir: c.Instance.DataDir, Rules: c.Rules,
		Destination: c.Destination, Repository: c.Repository, Compression: c.Compression, Sudo: c.sudo(),
		Runner: c.Instance.Runner(), Clock: c.Clock, Redactor: c.Redactor, Progress: c.Progress, Notice: c.Notice,
	}
	if err := c.reveal(&o, c.Secrets); err != nil {
		return nil, err
	}
	return method.New(c.Method, o)
}

func (p *policy) sudo() []string {
	if p.Sudo {
		return []string{"sudo", "-n"}
	}
	return nil
}

// reveal puts the secrets into the options, which stay in memory.
func (p *policy) reveal(o *method.Options, r secret.Resolver) (err error) {
	if p.Password != nil {
		if o.Password, err = p.Password.Reveal(r); err != nil {
			return err
		}
	}
	o.Environment = map[string]string{}
	for name, text := range p.Environment {
		value, err := text.Reveal(r)
		if err != nil {
			return err
		}
		if name != "" {
			o.Environment[name] = value
			continue
		}
		if err := json.Unmarshal([]byte(value), &o.Environment); err != nil {
			return fmt.Errorf("the environment of backup %q is no map of strings", p.Name)
		}
	}
	return nil
}

// snapshotter holds the data directory still while DSS runs, or, with reflink,
// while it is stopped.
func (c *call) snapshotter(kind string) (still.Snapshotter, error) {
	if _, err := c.Instance.EnsureCompanion(); err != nil {
		return nil, err
	}
	return still.New(kind, still.Options{
		DataDir: c.Instance.DataDir, Companion: c.Instance.Companion(), Commands: c.Commands.still(), Size: c.Size, Sudo: c.sudo(),
		Runner: c.Instance.Runner(), Clock: c.Clock, Redactor: c.Redactor, Notice: c.Notice, Progress: c.Progress,
	})
}

func (c *call) note(text string) { c.Progress(event.Progress{Unit: "seconds", Note: text}) }

// encode writes arguments, which are plain data.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("backup: arguments that are no JSON: " + err.Error())
	}
	return b
}
