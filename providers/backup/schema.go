package backup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/retention"
	"github.com/dssctl/dssctl/providers/backup/schedule/cron"
)

// What `consistency` says: how the data directory is held still.
const (
	byStop     = "stop"
	bySnapshot = "snapshot"
	byLive     = "live"
)

// withRepository are the methods that keep their bytes outside of the sets'
// folders.
var withRepository = []string{method.Restic}

// Schema implements providers.Provider.
func (*Provider) Schema() schema.Fragment {
	return schema.Fragment{Blocks: []schema.Block{{
		Type:     Name,
		Labels:   []schema.Label{{Name: "name", Doc: "The policy's name in addresses and in `dssctl backup`: an identifier."}},
		Multiple: true,
		Doc: "A backup policy: where sets are kept, how, when, and for how long. A set is the data directory, the matching dump of external runtime databases, and a manifest. " +
			"`dssctl backup run` makes one. Taking the block out of the files removes its schedule entry; its sets stay.",
		Example: `backup "nightly" {
  destination = "/backups/design"
  schedule    = "15 6 * * 1-5"
  exclude     = ["temporary", "logs", "exports"]
  max_age     = "26h"

  retention {
    keep_last  = 3
    keep_daily = 7
  }
}`,
		Attributes: attributes(),
		Blocks:     []schema.Block{retentionBlock(), snapshotBlock()},
	}}}
}

func attributes() []schema.Attribute {
	return []schema.Attribute{
		{
			Name: "destination", Type: cty.String, Required: true, Public: true, Check: schema.AbsolutePath,
			Doc:     "The folder of the sets, of this policy alone. The folder above it must be there. It must not lie in a data directory.",
			Example: `"/backups/design"`,
		},
		{
			Name: "method", Type: cty.String, Default: cty.StringVal(method.Archive), OneOf: method.Names(), Public: true,
			Doc: "How the bytes are kept. `archive`: one compressed tar, restorable with tar alone. `restic`: deduplicated and encrypted, local or on object storage. " +
				"`rsync`: hard-linked generations. `duplicity`: full and incremental volumes. `xfsdump`: a dump of an XFS volume. All but `archive` are the real programs, which must be installed.",
		},
		{
			Name: "consistency", Type: cty.String, Default: cty.StringVal(byStop), OneOf: []string{byStop, bySnapshot, byLive}, Public: true,
			Doc: "How the data directory is held still. `stop`: DSS is stopped, as briefly as the method and the file system allow, and started again whatever happens. " +
				"`snapshot`: an atomic snapshot of the volume, while DSS runs. `live`: not at all; databases may be kept in a state that does not open again.",
		},
		{
			Name: "snapshot", Type: cty.String, Default: cty.StringVal("auto"), OneOf: []string{"auto", "btrfs", "zfs", "lvm", "commands"}, Public: true,
			Doc: "What makes the snapshot with `consistency = \"snapshot\"`: `auto` goes by the file system of the data directory, `commands` runs those of the block `snapshot_commands`.",
		},
		{
			Name: "snapshot_size", Type: cty.String, Default: cty.StringVal("5G"), Public: true, Check: schema.Matches(`^[0-9]+[KMGT]$`, `a size such as "5G"`),
			Doc: "The room that an LVM snapshot has for what changes meanwhile.",
		},
		{
			Name: "start_early", Type: cty.Bool, Default: cty.True,
			Doc: "With `consistency = \"stop\"`, where the file system can: hold the data directory by a snapshot (Btrfs, ZFS) or a copy by reference (XFS, method `archive`) while DSS is stopped, and read the bytes after it is started again.",
		},
		{
			Name: "repository", Type: cty.String, Public: true, Check: schema.NotEmpty,
			Doc:     "Where `restic` keeps its repository, in its own words; without it, a folder in the destination. Keys belong into `environment`.",
			Example: `"s3:https://s3.internal/dss-backups"`,
		},
		{
			Name: "repository_password", Type: cty.String, Secret: true, Check: schema.NotEmpty,
			Doc:     "The password that `restic` encrypts its repository with, and `duplicity` its volumes where one is given. Without it nothing can be restored: keep it where it outlives this machine.",
			Example: "var.restic_password",
		},
		{
			Name: "environment", Type: cty.Map(cty.String), Secret: true,
			Doc:     "Environment variables for the method's program, such as the keys of an object store.",
			Example: `{ AWS_ACCESS_KEY_ID = var.s3_id, AWS_SECRET_ACCESS_KEY = var.s3_key }`,
		},
		{
			Name: "compression", Type: cty.String, Default: cty.StringVal("zstd"), OneOf: []string{"zstd", "gzip", "none"}, Public: true,
			Doc: "How `archive` compresses.",
		},
		{
			Name: "schedule", Type: cty.String, Public: true, Check: checkSchedule,
			Doc:     "When `dssctl backup run` is started: minute, hour, day of the month, month, day of the week, in the machine's time zone.",
			Example: `"15 6 * * 1-5"`,
		},
		{
			Name: "scheduler", Type: cty.String, Default: cty.StringVal("cron"), OneOf: []string{"cron", "systemd"}, Public: true,
			Doc: "What starts it: an entry in the account's crontab, or a systemd timer.",
		},
		{
			Name: "exclude", Type: cty.List(cty.String), Public: true, Check: checkClasses,
			Doc:     "Classes of folders whose content is left out: " + classNames() + ". The folders themselves are kept, empty; what no class names is kept.",
			Example: `["temporary", "logs", "exports"]`,
		},
		{
			Name: "exclude_paths", Type: cty.List(cty.String), Public: true, Check: checkGlobs,
			Doc:     "More to leave out, as globs relative to the data directory; `**` crosses folders.",
			Example: `["managed_datasets/SCRATCH", "**/*.bak"]`,
		},
		{
			Name: "max_age", Type: cty.String, Public: true, Check: checkSpan,
			Doc:     "How old the newest good set may be: when it is older, a plan proposes a backup.",
			Example: `"26h"`,
		},
		{
			Name: "verify_every", Type: cty.String, Public: true, Check: checkSpan,
			Doc:     "How long ago the newest set may have been read again and compared with its checksums: later, a plan proposes that.",
			Example: `"7d"`,
		},
		{
			Name: "restore_test_every", Type: cty.String, Public: true, Check: checkSpan,
			Doc:     "How long ago a set may have been restored into a scratch folder and looked at: later, a plan proposes that.",
			Example: `"30d"`,
		},
		{
			Name: "database_password", Type: cty.String, Secret: true, Check: schema.NotEmpty,
			Doc:     "The password with which external runtime databases are dumped, where no block `runtime_database` declares it and DSS keeps it encrypted.",
			Example: "var.pg_password",
		},
		{
			Name: "privilege", Type: cty.String, Default: cty.StringVal("none"), OneOf: []string{"none", "sudo"}, Public: true,
			Doc: "How what needs root is run (LVM and ZFS snapshots, xfsdump, removing Btrfs snapshots, system timers): not at all, or through `sudo -n`.",
		},
	}
}

func retentionBlock() schema.Block {
	b := schema.Block{
		Type: "retention",
		Doc: "Which sets are kept: those that any rule keeps. Without the block all are. The newest good set always stays, and so does a set that a kept one needs; " +
			"nothing is removed before the new set has been verified.",
		Example: `retention {
  keep_last   = 3
  keep_daily  = 7
  keep_weekly = 4
}`,
	}
	for _, r := range []struct{ name, doc string }{
		{"keep_last", "The newest so many sets."},
		{"keep_hourly", "The newest set of each of the last so many hours that have one."},
		{"keep_daily", "The same for days."},
		{"keep_weekly", "The same for weeks, which begin on Monday."},
		{"keep_monthly", "The same for months."},
		{"keep_yearly", "The same for years."},
	} {
		b.Attributes = append(b.Attributes, schema.Attribute{Name: r.name, Type: cty.Number, Check: schema.Between(1, 10000), Doc: r.doc})
	}
	b.Attributes = append(b.Attributes, schema.Attribute{
		Name: "keep_within", Type: cty.String, Public: true, Check: checkKeepWithin,
		Doc: "All sets that are younger than this.", Example: `"14d"`,
	})
	return b
}

func snapshotBlock() schema.Block {
	argv := cty.List(cty.String)
	return schema.Block{
		Type: "snapshot_commands",
		Doc: "Commands of your own that hold a volume still, such as those of a cloud's disks. Each is a program with its arguments; no shell is involved. " +
			"`${id}` stands for the snapshot's name, `${data_dir}` for the data directory, `${mount}` for an empty folder in which it is to appear (written `$${id}` in HCL). Each one that succeeded is undone when a later one fails.",
		Example: `snapshot_commands {
  create  = ["/opt/san/snap", "create", "$${id}"]
  mount   = ["/opt/san/snap", "mount", "$${id}", "$${mount}"]
  unmount = ["/opt/san/snap", "unmount", "$${mount}"]
  destroy = ["/opt/san/snap", "delete", "$${id}"]
}`,
		Attributes: []schema.Attribute{
			{Name: "create", Type: argv, Required: true, Public: true, Check: schema.NotEmpty, Doc: "Makes the snapshot."},
			{Name: "mount", Type: argv, Public: true, Check: schema.NotEmpty, Doc: "Mounts it read-only; not needed where `create` does."},
			{Name: "unmount", Type: argv, Public: true, Check: schema.NotEmpty, Doc: "Undoes `mount`."},
			{Name: "destroy", Type: argv, Required: true, Public: true, Check: schema.NotEmpty, Doc: "Undoes `create`."},
		},
	}
}

func classNames() string {
	var names []string
	for _, c := range exclude.Classes() {
		names = append(names, fmt.Sprintf("`%s` (%s)", c.Name, folders(c)))
	}
	return strings.Join(names, ", ")
}

func folders(c exclude.Class) string { return strings.Join(c.All(), ", ") }

func stringsOf(v cty.Value) []string {
	var out []string
	if v.IsNull() {
		return nil
	}
	for _, e := range v.AsValueSlice() {
		if !e.IsNull() {
			out = append(out, e.AsString())
		}
	}
	return out
}

func checkClasses(v cty.Value) error {
	_, err := exclude.Compile(exclude.Rules{Classes: stringsOf(v)})
	return mustBe(err)
}

func checkGlobs(v cty.Value) error {
	_, err := exclude.Compile(exclude.Rules{Globs: stringsOf(v)})
	return mustBe(err)
}

func checkSchedule(v cty.Value) error {
	_, err := cron.Parse(v.AsString())
	return mustBe(err)
}

func checkSpan(v cty.Value) error {
	d, err := parseSpan(v.AsString())
	if err != nil || d <= 0 {
		return errors.New(`must be a span of time such as "26h", "7d" or "2w"`)
	}
	return nil
}

func checkKeepWithin(v cty.Value) error {
	_, err := retention.ParseSpan(v.AsString())
	return mustBe(err)
}

// mustBe brings an error into the form that a schema's check has.
func mustBe(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "must ") {
		return err
	}
	return fmt.Errorf("must be right: %w", err)
}

func hasRepository(name string) bool { return slices.Contains(withRepository, name) }
