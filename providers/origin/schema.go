package origin

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
)

// Schema is the block origin.
func (*Provider) Schema() schema.Fragment {
	path := func(name, doc, example string, labels ...string) schema.Attribute {
		return schema.Attribute{Name: name, Type: cty.String, Public: true, Check: schema.AbsolutePath, Labels: labels, Doc: doc, Example: example}
	}
	return schema.Fragment{Blocks: []schema.Block{{
		Type: Name,
		Labels: []schema.Label{{
			Name: "kind", OneOf: []string{byInstall, byClone, byBackup, byProjects},
			Doc: "`install`: fresh, from a kit. `clone`: a copy of another instance of the estate on this machine, as DSS's documentation describes it. " +
				"`backup`: from a backup set, of the instance itself, which was lost and comes back as it was, or of another one. " +
				"`projects`: fresh, from a kit, and once it has an `api_key` filled with projects of another instance on this machine, by export and import.",
		}},
		Doc: "Where the instance comes from. It is used only while `data_dir` is not there, or is an empty folder: then the plan makes the instance. Once it is there the block says nothing more, but for `projects` that are still to come.",
		Example: `origin "clone" {
  of = instance.design
}`,
		Attributes: append([]schema.Attribute{
			path("kit", "The folder of the unpacked kit. A clone has its source's without it, and needs one of the same version; a backup set, or projects, need one of their version or a newer one.", `"/opt/dataiku/dataiku-dss-14.4.1"`),
			path("license", "The license file that the instance is installed with.", `"/etc/dataiku/license.json"`, byInstall, byProjects),
			path("java_home", "The Java that DSS shall use, where it is not the machine's own.", "", byInstall, byClone, byProjects),
			path("python", "The base Python of DSS's own environment (`installer.sh -P`).", "", byInstall, byProjects),
			{
				Name: "of", Type: cty.String, Public: true, Instance: true, Labels: []string{byClone, byBackup, byProjects},
				Doc: "The instance that it is made of. Needed for a clone and for projects; without it, `backup` takes the sets of the instance itself.", Example: "instance.design",
			},
			{
				Name: "policy", Type: cty.String, Public: true, Check: schema.NotEmpty, Labels: []string{byBackup},
				Doc: "The policy that made the set: the name of a block `backup`. Needed where there are several.", Example: `"nightly"`,
			},
			{
				Name: "set", Type: cty.String, Public: true, Check: schema.NotEmpty, Labels: []string{byBackup},
				Doc: "The set, as `dssctl backup list` shows it; the newest good one without it.", Example: `"20261125-061500-4f2a"`,
			},
			{
				Name: "consistency", Type: cty.String, Public: true, OneOf: []string{byStop, bySnapshot}, Labels: []string{byClone},
				Doc: "How the source is held still while it is copied. `stop`, as without it: DSS is stopped for the copy, and started again. " +
					"`snapshot`: an atomic snapshot of its volume (Btrfs, ZFS, LVM), while it runs; the clone starts as after a power failure at that moment. What needs root goes by `privilege`.",
			},
			{
				Name: "graphite_server", Type: cty.String, Public: true, Check: schema.NotEmpty, Labels: []string{byClone},
				Doc: "Where the source reports to Graphite: the server, `HOST:PORT`, for the clone's own reports. Goes with `graphite_prefix`.", Example: `"graphite.internal:2003"`,
			},
			{
				Name: "graphite_prefix", Type: cty.String, Public: true, Check: schema.NotEmpty, Labels: []string{byClone},
				Doc: "The prefix of the clone's metrics, another one than the source's.", Example: `"dss.clone"`,
			},
		}, projectAttributes()...),
	}}}
}
