package release

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
)

const upgradeKinds = "release.unpack\nrelease.rehearse\nrelease.install\nrelease.prove"

func TestPropose(t *testing.T) {
	type see = func(*Observation, *dss.Facts)
	seen := func(m marks) see { return func(o *Observation, _ *dss.Facts) { o.marks = m } }
	version := func(v string) see { return func(_ *Observation, f *dss.Facts) { f.Version = v } }
	external := func(password string) see {
		return func(o *Observation, _ *dss.Facts) {
			o.Database = dss.RuntimeDatabase{External: true, Host: "h", Database: "d", User: "u", Password: password}
		}
	}
	all := marks{R: true, Graphics: true, Hadoop: true, Spark: true, Impersonation: true, Images: true, Wrapper: "/w", Owner: "dataiku"}
	const upgrade = `
  release {
    version = "14.4.1"
    archive = "ARCHIVE"
    sha256  = "SUM"
MORE
  }
`
	in := func(body, more string) string { return strings.Replace(upgrade, "MORE", body, 1) + more }
	cases := map[string]struct {
		declare  string
		see      see
		recorded string
		kinds    string
		diags    string
		record   string
	}{
		"nothing declared":     {},
		"as it is":             {declare: "release {\n version = \"13.5.0\"\n}", record: `{"version":"13.5.0"}`},
		"as it is, remembered": {declare: "release {\n version = \"13.5.0\"\n}", recorded: `{"version":"13.5.0"}`},
		"upgrade":              {declare: in("", ""), kinds: upgradeKinds, diags: attention},
		"upgrade of a minor":   {declare: in("", ""), see: version("14.2.0"), kinds: upgradeKinds},
		"downgrade":            {declare: "release {\n version = \"13.4.9\"\n}", diags: "error: A lower version is declared"},
		"to its hotfix":        {declare: in("", ""), see: version("14.4.1-hotfix1"), diags: "error: A lower version is declared"},
		"from before 4":        {declare: in("", ""), see: version("3.1.5"), diags: "error: Another version has to come between\n" + attention},
		"from 4":               {declare: in("", ""), see: version("4.0.1"), kinds: upgradeKinds, diags: attention},
		"no checksum":          {declare: strings.Replace(in("", ""), `sha256  = "SUM"`, "", 1), kinds: upgradeKinds, diags: "warning: The archive is not checked\n" + attention},
		"no kit":               {declare: "release {\n version = \"14.4.1\"\n}", diags: "error: There is no kit of this version\n" + attention},
		"inside":               {declare: in(`install_root = "DATA/kits"`, ""), diags: "error: The kit would be inside another folder of an instance\n" + attention},
		"no room": {
			declare: in("", ""), see: func(o *Observation, _ *dss.Facts) { o.Free = o.ArchiveSize - 1 },
			diags: "error: There is no room for the kit\n" + attention,
		},
		"unpacked already": {
			declare: in("", ""), see: func(o *Observation, _ *dss.Facts) { o.KitVersion = "14.4.1" },
			kinds: "release.rehearse\nrelease.install\nrelease.prove", diags: attention,
		},
		"another kit there": {
			declare: in("", ""), see: func(o *Observation, _ *dss.Facts) { o.KitVersion = "14.4.0" },
			diags: "error: The kit is of another version\n" + attention,
		},
		"databases in clear": {
			declare: in("", ""), see: external("clear"), diags: attention,
			kinds: "release.unpack\nrelease.rehearse\nrelease.dump\nrelease.install\nrelease.prove",
		},
		"databases, encrypted": {declare: in("", ""), see: external("e:AES:x"), diags: "error: No password for the databases\n" + attention},
		"databases, declared": {
			declare: in("", "runtime_database \"postgresql\" {\n password = \"p\"\n}"), see: external("e:AES:x"), diags: attention,
			kinds: "release.unpack\nrelease.rehearse\nrelease.dump\nrelease.install\nrelease.prove",
		},
		"everything": {
			declare: in("", "privilege = \"sudo\"\nintegration \"hadoop\" {\n archive = \"/h\"\n}\nintegration \"base_image\" {\n types = [\"spark\", \"cde\"]\n}"),
			see:     seen(all), diags: attention,
			kinds: "release.unpack\nrelease.rehearse\nrelease.install\n" +
				"integration.replay install-R-integration\nintegration.replay install-graphics-export\nintegration.replay install-hadoop-integration -standaloneArchive /h\n" +
				"integration.replay install-impersonation dataiku\nintegration.replay build-base-image --type spark\nintegration.replay build-base-image --type cde\n" +
				"release.prove\nintegration.manual by hand",
		},
		"root by hand": {
			declare: in("", ""), see: seen(marks{Impersonation: true, Owner: "dataiku"}), diags: attention,
			kinds: upgradeKinds + "\nintegration.manual by hand",
		},
		"told what to replay": {
			declare: in(`replay = ["graphics_export"]`, ""), see: seen(marks{R: true}), diags: attention + "\nwarning: An integration is not replayed",
			kinds: "release.unpack\nrelease.rehearse\nrelease.install\nintegration.replay install-graphics-export\nrelease.prove",
		},
		"remembered monitoring": {
			declare: in("", "integration \"monitoring\" {\n server = \"g:1\"\n prefix = \"p\"\n}"), diags: attention,
			recorded: `{"integrations":{"monitoring":{"version":"13.5.0"}}}`,
			kinds:    "release.unpack\nrelease.rehearse\nrelease.install\nintegration.replay install-monitoring-integration -graphiteServer g:1 -prefix p\nrelease.prove",
		},
		"rebuild without a key": {declare: in("rebuild_code_envs = true", ""), diags: "error: An API key is needed\n" + attention},
		"over the API": {
			declare: in("rebuild_code_envs = true\nretrain = [\"P.m\"]", "api_key = \"k\""),
			kinds:   upgradeKinds + "\nrelease.code_envs\nrelease.retrain\nrelease.review",
		},
		"integration to install": {
			declare: `integration "r" {}`, kinds: "integration.replay install-R-integration",
		},
		"integration adopted": {
			declare: `integration "r" {}`, see: seen(marks{R: true}), record: `{"integrations":{"r":{"version":"13.5.0","args":["install-R-integration"]}}}`,
		},
		"integration of an older version": {
			declare: `integration "r" {}`, see: seen(marks{R: true}), recorded: `{"integrations":{"r":{"version":"13.4.0","args":["install-R-integration"]}}}`,
			kinds: "integration.replay install-R-integration",
		},
		"integration that is open": {
			declare: `integration "hadoop" {}`, diags: "warning: A step by hand is open",
			recorded: `{"manual":{"hadoop":{"key":"hadoop","title":"t","command":"c","why":"w","version":"13.5.0","sign":"bin/env-hadoop.sh","was":"absent"}}}`,
		},
		"integration said to be done": {
			declare:  "integration \"impersonation\" {\n done = \"13.5.0\"\n}",
			recorded: `{"manual":{"impersonation":{"key":"impersonation","title":"t","command":"c","why":"w","version":"13.5.0"}}}`,
			record:   `"impersonation":{"version":"13.5.0"`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			archive := filepath.Join(w.base, "a.tar.gz")
			sum := pack(t, archive, good("14.4.1"))
			w.declare(strings.NewReplacer("ARCHIVE", archive, "SUM", sum, "DATA", w.data).Replace(c.declare))
			if c.recorded != "" {
				w.recorded = json.RawMessage(c.recorded)
			}
			p, diags := w.propose(c.see)
			if got := summaries(diags); got != strings.TrimSpace(c.diags) {
				t.Errorf("diagnostics:\n%s\nwant:\n%s\n%v", got, c.diags, diags)
			}
			if got := kinds(p); got != c.kinds {
				t.Errorf("steps:\n%s\nwant:\n%s", got, c.kinds)
			}
			if got := string(p.Record); !strings.Contains(got, c.record) || c.record == "" && got != "" {
				t.Errorf("record: %s, want %s", got, c.record)
			}
		})
	}
}

const attention = "warning: What needs attention cannot be listed"

// Where DSS would come to another Java it is said which, and what keeps it; a
// bare name is the machine's, like the path that it stands for.
func TestOwnJava(t *testing.T) {
	for name, c := range map[string]struct {
		named, path, more string
		want              string // what the warning says; "" for none
	}{
		"not named":           {named: "", path: "PATH"},
		"bare name":           {named: "java", path: "PATH"},
		"the machine's":       {named: "BASE/path/java", path: "PATH"},
		"behind the link":     {named: "BASE/jvm/17/bin/java", path: "PATH"},
		"bare, and none":      {named: "java", path: ""},
		"its own":             {named: "BASE/jvm/11/bin/java", path: "PATH", want: `names BASE/jvm/11/bin/java (DKUJAVABIN), and the machine's own is BASE/path/java. An upgrade takes the machine's unless it is told again which one DSS shall use. To keep it, give java_home = "BASE/jvm/11".`},
		"its own, oddly":      {named: "BASE/odd/java8", path: "PATH", want: "To keep it, give java_home."},
		"its own, and none":   {named: "BASE/jvm/11/bin/java", path: "", want: "and the machine has none on its PATH"},
		"its own, and told":   {named: "BASE/jvm/11/bin/java", path: "PATH", more: "java_home = \"/opt/java\"\n"},
		"another on the PATH": {named: "java8", path: "PATH", want: "names java8 (DKUJAVABIN)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("jvm/17/bin/java", "#!/bin/sh\n", 0o755)
			w.write("path/java8", "#!/bin/sh\n", 0o755)
			if err := os.Symlink(filepath.Join(w.base, "jvm/17/bin/java"), filepath.Join(w.base, "path/java")); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", strings.Replace(c.path, "PATH", filepath.Join(w.base, "path"), 1))
			place := strings.NewReplacer("BASE", w.base)
			w.write("data/bin/env-default.sh", fmt.Sprintf("export DKUINSTALLDIR=%q\nexport DKUJAVABIN=%q\n", filepath.Join(w.base, "kits/dataiku-dss-13.5.0"), place.Replace(c.named)), 0o644)
			archive := filepath.Join(w.base, "a.tar.gz")
			w.declare(fmt.Sprintf("release {\n version = \"14.4.1\"\n archive = %q\n sha256 = %q\n%s}", archive, pack(t, archive, good("14.4.1")), c.more))
			_, diags := w.propose(nil)
			said := ""
			for _, d := range diags {
				if d.Summary == "DSS uses a Java of its own" {
					said = d.Detail
				}
			}
			if want := place.Replace(c.want); !strings.Contains(said, want) || want == "" && said != "" {
				t.Errorf("said %q, expected %q", said, want)
			}
		})
	}
}

// Without the old kit there is no way back, and the plan says so.
func TestNoWayBackWithoutTheOldKit(t *testing.T) {
	w := newWorld(t)
	w.kit("14.4.1", "")
	w.declare("release {\n version = \"14.4.1\"\n}")
	p, diags := w.propose(func(o *Observation, _ *dss.Facts) { o.FromKit = false })
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, s := range p.Steps {
		if s.Kind == KindInstall && (s.Undo.Possible || s.Danger != plan.Irreversible || !strings.Contains(s.Undo.How, "13.5.0")) {
			t.Errorf("undo %+v, danger %q", s.Undo, s.Danger)
		}
	}
}

// What a person types is exact, and goes through the boot unit where one owns
// the instance.
func TestByHand(t *testing.T) {
	m := &maker{}
	w := newWorld(t)
	w.declare("")
	m.req.Desired = w.estate.Instances[0]
	m.req.Desired.DataDir = "/data/it's"
	r := replay{Args: []string{"install-impersonation", "dataiku"}, Root: true}
	if got, want := m.byHand(r), `'/data/it'\''s/bin/dss' stop
sudo '/data/it'\''s/bin/dssadmin' install-impersonation dataiku
'/data/it'\''s/bin/dss' start`; got != want {
		t.Errorf("got %s", got)
	}
	m.req.Facts.Unit = "dataiku.service"
	if got := m.byHand(r); !strings.HasPrefix(got, "sudo systemctl stop dataiku.service\n") {
		t.Errorf("got %s", got)
	}
}
