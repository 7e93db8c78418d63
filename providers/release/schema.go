package release

import (
	"errors"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/providers/dss"
)

// Schema implements providers.Provider.
func (*Provider) Schema() schema.Fragment {
	return schema.Fragment{
		Attributes: []schema.Attribute{{
			Name: "privilege", Type: cty.String, Default: cty.StringVal("none"), OneOf: []string{"none", "sudo"}, Public: true,
			Doc: "How what needs root is run (`install-impersonation`, the snapshot of a clone's source): not at all, so that it is shown as a step for a person, or through `sudo -n`.",
		}},
		Blocks: []schema.Block{releaseBlock(), integrationBlock()},
	}
}

func releaseBlock() schema.Block {
	return schema.Block{
		Type: Name,
		Doc:  "The version of DSS. A higher one than the instance has is an upgrade, in a window of its own; a lower one is refused.",
		Example: `release {
  version      = "14.4.1"
  archive      = "/opt/kits/dataiku-dss-14.4.1.tar.gz"
  sha256       = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
  install_root = "/opt/dataiku"
}`,
		Attributes: []schema.Attribute{
			{Name: "version", Type: cty.String, Required: true, Public: true, Check: checkVersion, Doc: "The version that the instance shall have.", Example: `"14.4.1"`},
			{
				Name: "archive", Type: cty.String, Public: true, Check: schema.AbsolutePath,
				Doc:     "The kit's archive on the machine of the instance, `dataiku-dss-VERSION.tar.gz`. Not needed where the kit is unpacked already.",
				Example: `"/opt/kits/dataiku-dss-14.4.1.tar.gz"`,
			},
			{
				Name: "sha256", Type: cty.String, Public: true, Check: schema.Matches("[0-9a-fA-F]{64}", "64 hexadecimal digits"),
				Doc: "The archive's SHA-256, from where you got the archive. Another one is refused before anything is unpacked.",
			},
			{
				Name: "install_root", Type: cty.String, Public: true, Check: schema.AbsolutePath,
				Doc:     "Where kits are unpacked to: the new one becomes `install_root/dataiku-dss-VERSION`. Without it, beside the present kit.",
				Example: `"/opt/dataiku"`,
			},
			{
				Name: "java_home", Type: cty.String, Public: true, Check: schema.AbsolutePath,
				Doc: "The Java that DSS shall use, where it is not the machine's own. DSS wants it named again at each upgrade.",
			},
			{Name: "python", Type: cty.String, Public: true, Check: schema.AbsolutePath, Doc: "The base Python of DSS's own environment (`installer.sh -P`)."},
			{
				Name: "rehearse", Type: cty.Bool, Default: cty.True,
				Doc: "Before DSS is stopped, install the new kit into a scratch folder and remove it again: missing packages, a wrong Java or Python show without downtime.",
			},
			{
				Name: "replay", Type: cty.List(cty.String), Public: true, Check: checkNames,
				Doc:     "The integrations to install again after an upgrade, instead of those that are declared or seen in the instance: " + listed(integrationNames()) + ".",
				Example: `["r", "graphics_export"]`,
			},
			{Name: "rebuild_code_envs", Type: cty.Bool, Default: cty.False, Doc: "Rebuild every code environment after an upgrade, while DSS runs. Needs `api_key`."},
			{Name: "rebuild_code_env_images", Type: cty.Bool, Default: cty.False, Doc: "Build their images anew, too."},
			{
				Name: "retrain", Type: cty.List(cty.String), Public: true, Check: checkModels,
				Doc:     "Saved models to train again after an upgrade to another major version, as `PROJECT.MODEL`. Needs `api_key`.",
				Example: `["CHURN.aB3dE5fG"]`,
			},
			{
				Name: "keep_kits", Type: cty.Number, Check: schema.Between(1, 100),
				Doc: "How many kits that dssctl unpacked before the present one stay; older ones that no instance uses are removed. Without it all stay.",
			},
			{
				Name: "database_password", Type: cty.String, Secret: true, Check: schema.NotEmpty,
				Doc:     "The password with which external runtime databases are dumped before an upgrade, where no block `runtime_database` declares it and DSS keeps it encrypted.",
				Example: "var.pg_password",
			},
		},
	}
}

func integrationBlock() schema.Block {
	return schema.Block{
		Type: Integration, Multiple: true,
		Labels: []schema.Label{{Name: "name", Doc: "which integration", OneOf: integrationNames()}},
		Doc: "Something that is installed into the data directory beside DSS, and has to be installed again after each upgrade. " +
			"One that is seen in the instance is replayed without a block as well; the block says what dssctl cannot see, and has a missing one installed.",
		Example: `integration "r" {}`,
		Attributes: []schema.Attribute{
			{
				Name: "archive", Type: cty.String, Public: true, Labels: []string{"hadoop", "spark"}, Check: schema.AbsolutePath,
				Doc: "The standalone archive of the declared version of DSS. Without it, the step is left to a person.",
			},
			{Name: "server", Type: cty.String, Public: true, Labels: []string{"monitoring"}, Check: schema.NotEmpty, Doc: "The Graphite server, `HOST:PORT`.", Example: `"graphite.internal:2003"`},
			{Name: "prefix", Type: cty.String, Public: true, Labels: []string{"monitoring"}, Check: schema.NotEmpty, Doc: "The prefix of the metrics; another one for each instance."},
			{
				Name: "user", Type: cty.String, Public: true, Labels: []string{"impersonation"}, Check: checkUser,
				Doc: "The account that DSS runs as; the data directory's owner without it.",
			},
			{
				Name: "types", Type: cty.List(cty.String), Public: true, Labels: []string{"base_image"}, Check: checkImages,
				Default: cty.ListVal([]cty.Value{cty.StringVal("container-exec")}),
				Doc:     "The base images to build: `container-exec`, `spark`, `api-deployer`, `cde`.",
			},
			{
				Name: "done", Type: cty.String, Public: true, Check: checkVersion,
				Doc: "The version of DSS for which a person has done it, where dssctl cannot see that.",
			},
		},
	}
}

func checkVersion(v cty.Value) error {
	if !versionForm.MatchString(v.AsString()) {
		return errors.New(`must be a version of DSS such as "14.4.1"`)
	}
	if _, err := dss.ParseVersion(v.AsString()); err != nil {
		return errors.New(`must be a version of DSS such as "14.4.1"`)
	}
	return nil
}

// versionForm keeps a version fit for the name of a folder.
var versionForm = lazyregexp.New(`^[0-9]+(\.[0-9]+){1,3}(-[0-9A-Za-z][0-9A-Za-z.]*)?$`)

var userForm = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_.@-]*$`)

func checkUser(v cty.Value) error {
	if !userForm.MatchString(v.AsString()) {
		return errors.New("must be the name of an account")
	}
	return nil
}

func checkNames(v cty.Value) error {
	for _, s := range stringsOf(v) {
		if integrationOf(s) == nil {
			return errors.New("must name integrations: " + listed(integrationNames()))
		}
	}
	return nil
}

var imageTypes = []string{"container-exec", "spark", "api-deployer", "cde"}

func checkImages(v cty.Value) error {
	all := stringsOf(v)
	for _, s := range all {
		if !contains(imageTypes, s) {
			return errors.New("must be among " + listed(imageTypes))
		}
	}
	if len(all) == 0 {
		return errors.New("must not be empty")
	}
	return nil
}

var modelForm = lazyregexp.New(`^[A-Za-z0-9_]+\.[A-Za-z0-9_-]+$`)

func checkModels(v cty.Value) error {
	for _, s := range stringsOf(v) {
		if !modelForm.MatchString(s) {
			return errors.New("must name saved models as PROJECT.MODEL")
		}
	}
	return nil
}

func stringsOf(v cty.Value) []string {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		if !e.IsNull() {
			out = append(out, e.AsString())
		}
	}
	return out
}
