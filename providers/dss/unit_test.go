package dss

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/internal/proc"
)

const sampleID = "abcdefghijklmnopqrstuvwx"

// unitCase is a machine's files; in all of them @DIR@ is the data directory, @LINK@ a
// link to it, and @ROOT@ the folder above etc, run and usr.
type unitCase struct {
	files map[string]string
	// links from a path to a target.
	links      map[string]string
	configured string
	want, err  string
}

const (
	forking = "[Service]\nType=forking\nUser=dataiku\n"
	etcUnit = "etc/systemd/system/"
	ownUnit = forking + "ExecStart=@DIR@/bin/dss start\nExecStop=@DIR@/bin/dss stop\n"
	// What install-boot.sh makes, as far as it is documented.
	helped = forking + "ExecStart=@ROOT@/etc/dataiku/" + sampleID + "/dataiku-boot start\nExecStop=@ROOT@/etc/dataiku/" + sampleID + "/dataiku-boot stop\n"
	helper = "#!/bin/sh\n. \"$(dirname \"$0\")/dataiku-boot.conf\"\nsu \"$DSS_USER\" -c \"$DSS_DATADIR/bin/dss $1\"\n"
	initd  = "#!/bin/sh\n# chkconfig: 345 90 10\nNAME=$(basename $0)\nfor d in default sysconfig; do [ -f /etc/$d/$NAME ] && . /etc/$d/$NAME; done\nsu $DIP_USER -c \"$DIP_HOME/bin/dss $1\"\n"
)

var unitCases = map[string]unitCase{
	"none":         {},
	"own":          {files: map[string]string{etcUnit + "dataiku.service": ownUnit}, want: "dataiku.service"},
	"ignored mark": {files: map[string]string{etcUnit + "dataiku.service": "[Service]\nExecStart=-@DIR@/bin/dss start\n"}, want: "dataiku.service"},
	"sibling":      {files: map[string]string{etcUnit + "dataiku.service": "[Service]\nExecStart=@DIR@2/bin/dss start\n"}},
	"one of two": {files: map[string]string{
		etcUnit + "dataiku.a.service": "[Service]\nExecStart=@DIR@2/bin/dss start\n",
		etcUnit + "dataiku.b.service": "[Service]\nEnvironment=\"DIP_HOME=@DIR@\"\nExecStart=/bin/sh -c '$DIP_HOME/bin/dss start'\n",
	}, want: "dataiku.b.service"},
	"comment":       {files: map[string]string{etcUnit + "dataiku.service": "[Service]\n# was: ExecStart=@DIR@/bin/dss\nExecStart=/bin/true\n"}},
	"other section": {files: map[string]string{etcUnit + "dataiku.disk.service": "[Unit]\nRequiresMountsFor=@DIR@\n[Service]\nExecStart=/bin/true\n"}},
	"long line":     {files: map[string]string{etcUnit + "dataiku.service": "[Service]\nExecStart=/usr/bin/env \\\n  @DIR@/bin/dss \\\n  start\n"}, want: "dataiku.service"},
	"two": {
		files: map[string]string{etcUnit + "dataiku.a.service": ownUnit, etcUnit + "dataiku.b.service": ownUnit},
		err:   "dataiku.a.service, dataiku.b.service; say which one owns it: service { unit =",
	},
	"configured":  {files: map[string]string{etcUnit + "dataiku.a.service": ownUnit, etcUnit + "dataiku.b.service": ownUnit}, configured: "dataiku.b", want: "dataiku.b.service"},
	"none wanted": {files: map[string]string{etcUnit + "dataiku.service": ownUnit}, configured: NoUnit},

	"settings file": {files: map[string]string{
		etcUnit + "dataiku.service": forking + "EnvironmentFile=-@ROOT@/etc/dataiku/boot.conf\nExecStart=/bin/sh -c \"${DIP_HOME}/bin/dss start\"\n",
		"etc/dataiku/boot.conf":     "DIP_HOME=@DIR@\n",
	}, want: "dataiku.service"},
	"settings file of another": {files: map[string]string{
		etcUnit + "dataiku.service": forking + "EnvironmentFile=-@ROOT@/etc/dataiku/boot.conf\nExecStart=/bin/sh -c \"${DIP_HOME}/bin/dss start\"\n",
		"etc/dataiku/boot.conf":     "DIP_HOME=/data/other\n",
	}},
	"as install-boot.sh makes it": {files: map[string]string{
		etcUnit + "dataiku.service":                      helped,
		"etc/dataiku/" + sampleID + "/dataiku-boot":      helper,
		"etc/dataiku/" + sampleID + "/dataiku-boot.conf": "DSS_DATADIR=\"@DIR@\"\nDSS_USER=\"dataiku\"\n",
	}, want: "dataiku.service"},
	// Nothing but root can read what it names.
	"only the installid": {files: map[string]string{etcUnit + "dataiku.service": helped}, want: "dataiku.service"},
	"another installid":  {files: map[string]string{etcUnit + "dataiku.service": strings.ReplaceAll(helped, sampleID, "x"+sampleID)}},
	// A data directory that was copied with its installid, and its unit.
	"the installid of a copy": {files: map[string]string{
		etcUnit + "dataiku.service":                      helped,
		"etc/dataiku/" + sampleID + "/dataiku-boot.conf": "DSS_DATADIR=\"/data/original\"\n",
		"etc/dataiku/" + sampleID + "/dataiku-boot":      helper,
	}},
	"the directory before the installid": {files: map[string]string{etcUnit + "dataiku.service": helped, etcUnit + "dataiku.new.service": ownUnit}, want: "dataiku.new.service"},

	"script of init.d": {files: map[string]string{"etc/init.d/dataiku": initd, "etc/sysconfig/dataiku": "DIP_HOME=\"@DIR@\"\nDIP_USER=dataiku\n"}, want: "dataiku.service"},
	"script of rc.d with a name": {files: map[string]string{
		"etc/rc.d/init.d/dataiku.prod": initd, "etc/default/dataiku.prod": "DIP_HOME=@DIR@\n", "etc/init.d/nginx": "#!/bin/sh\nexit 0\n",
	}, want: "dataiku.prod.service"},
	"what systemd makes of it": {files: map[string]string{
		"run/systemd/generator.late/dataiku.service": "# Automatically generated by systemd-sysv-generator\n[Unit]\nSourcePath=@ROOT@/etc/init.d/dataiku\n[Service]\nType=forking\nRemainAfterExit=yes\nExecStart=@ROOT@/etc/init.d/dataiku start\nExecStop=@ROOT@/etc/init.d/dataiku stop\n",
		"etc/init.d/dataiku":                         initd, "etc/sysconfig/dataiku": "DIP_HOME=@DIR@\n",
	}, want: "dataiku.service"},
	"a script beside a unit of its name": {files: map[string]string{
		etcUnit + "dataiku.service": ownUnit, "etc/init.d/dataiku": initd, "etc/default/dataiku": "DIP_HOME=@DIR@\n",
	}, want: "dataiku.service"},

	"another name":         {files: map[string]string{etcUnit + "analytics.service": ownUnit}, want: "analytics.service"},
	"another name, script": {files: map[string]string{etcUnit + "analytics.service": forking + "ExecStart=@ROOT@/opt/dss-up.sh\n", "opt/dss-up.sh": "#!/bin/sh\nexec @DIR@/bin/dss start\n"}, want: "analytics.service"},
	"another name, folder": {files: map[string]string{etcUnit + "analytics.service": forking + "WorkingDirectory=@DIR@\nExecStart=/bin/sh -c './bin/dss start'\n"}, want: "analytics.service"},
	"a monitor":            {files: map[string]string{etcUnit + "promtail.service": "[Service]\nExecStart=/usr/bin/promtail -config @DIR@/run/promtail.yml\n"}},
	"a backup of the night": {files: map[string]string{
		etcUnit + "dataiku-backup.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c '@DIR@/bin/dss stop; tar c @DIR@; @DIR@/bin/dss start'\n",
		etcUnit + "night.service":          "[Service]\nExecStart=/bin/sh -c '@DIR@/bin/dss stop; tar c @DIR@; @DIR@/bin/dss start'\n",
		etcUnit + "night.timer":            "[Timer]\nOnCalendar=daily\n",
	}},

	"another name of it": {
		files: map[string]string{etcUnit + "dataiku.design.service": ownUnit},
		links: map[string]string{etcUnit + "dataiku.service": "dataiku.design.service"}, want: "dataiku.design.service",
	},
	"linked from elsewhere": {
		files: map[string]string{"srv/units/dataiku.service": ownUnit},
		links: map[string]string{etcUnit + "dataiku.service": "@ROOT@/srv/units/dataiku.service"}, want: "dataiku.service",
	},
	"by a link to the data directory": {files: map[string]string{etcUnit + "dataiku.service": "[Service]\nExecStart=@LINK@/bin/dss start\n"}, want: "dataiku.service"},
	"by an unclean path":              {files: map[string]string{etcUnit + "dataiku.service": "[Service]\nEnvironment=DSS_DATADIR=@DIR@/../dss/\nExecStart=/opt/run\n"}, want: "dataiku.service"},
	// An earlier folder's unit hides one of the same name, also when it is masked.
	"masked":        {files: map[string]string{"usr/lib/systemd/system/dataiku.service": ownUnit}, links: map[string]string{etcUnit + "dataiku.service": "/dev/null"}},
	"masked, empty": {files: map[string]string{"usr/lib/systemd/system/dataiku.service": ownUnit, etcUnit + "dataiku.service": ""}},
	"hidden":        {files: map[string]string{"usr/lib/systemd/system/dataiku.service": ownUnit, etcUnit + "dataiku.service": "[Service]\nExecStart=/bin/true\n"}},
	"generated":     {files: map[string]string{"run/systemd/generator/dataiku.service": ownUnit}, want: "dataiku.service"},
	"for this boot": {files: map[string]string{"run/systemd/system/dataiku.service": ownUnit}, want: "dataiku.service"},

	"a drop-in sets it": {files: map[string]string{
		etcUnit + "dataiku.service":              "[Service]\nEnvironment=DIP_HOME=/data/old\nExecStart=/data/old/bin/dss start\n",
		etcUnit + "dataiku.service.d/moved.conf": "[Service]\nEnvironment=\nExecStart=\nExecStart=@DIR@/bin/dss start\n",
	}, want: "dataiku.service"},
	"a drop-in takes it away": {files: map[string]string{
		"usr/lib/systemd/system/dataiku.service": ownUnit,
		etcUnit + "dataiku.service.d/moved.conf": "[Service]\nExecStart=\nExecStart=/data/new/bin/dss start\nExecStop=\nExecStop=/data/new/bin/dss stop\n",
	}},
	"an earlier drop-in hides one": {files: map[string]string{
		"usr/lib/systemd/system/dataiku.service":             "[Service]\nExecStart=/bin/true\n",
		"usr/lib/systemd/system/dataiku.service.d/10-d.conf": "[Service]\nExecStart=@DIR@/bin/dss start\n",
		etcUnit + "dataiku.service.d/10-d.conf":              "[Service]\nEnvironment=X=1\n",
	}},
	"a drop-in with the settings": {files: map[string]string{
		etcUnit + "dataiku.service":             "[Service]\nExecStart=/bin/sh -c '$DIP_HOME/bin/dss start'\n",
		etcUnit + "dataiku.service.d/home.conf": "[Service]\nEnvironmentFile=@ROOT@/etc/default/dss\n",
		"etc/default/dss":                       "export DIP_HOME='@DIR@'\n",
	}, want: "dataiku.service"},

	"instance of a template": {
		files: map[string]string{etcUnit + "dataiku@.service": forking + "ExecStart=@BASE@/%i/bin/dss start\n"},
		links: map[string]string{etcUnit + "multi-user.target.wants/dataiku@dss.service": etcUnit + "dataiku@.service", etcUnit + "multi-user.target.wants/dataiku@other.service": etcUnit + "dataiku@.service"},
		want:  "dataiku@dss.service",
	},
	"instance with a drop-in": {files: map[string]string{
		etcUnit + "dataiku@.service":                 forking + "ExecStart=/bin/sh -c '$DIP_HOME/bin/dss start'\n",
		etcUnit + "dataiku@prod.service.d/home.conf": "[Service]\nEnvironment=DIP_HOME=@DIR@\n",
	}, want: "dataiku@prod.service"},
	"instance that is a path": {
		files: map[string]string{etcUnit + "dataiku@.service": forking + "ExecStart=%f/bin/dss start\n"},
		links: map[string]string{etcUnit + "multi-user.target.wants/dataiku@@ESCAPED@.service": etcUnit + "dataiku@.service"}, want: "dataiku@@ESCAPED@.service",
	},
	"instance that only runs": {
		files: map[string]string{etcUnit + "dataiku@.service": forking + "ExecStart=@BASE@/%i/bin/dss start\n", "listed": "dataiku@dss.service loaded active running DSS\n● dataiku@x.service loaded failed failed DSS\n"},
		want:  "dataiku@dss.service",
	},
	"a template alone": {files: map[string]string{etcUnit + "dataiku@.service": ownUnit}},
}

func TestUnit(t *testing.T) {
	for name, tc := range unitCases {
		t.Run(name, func(t *testing.T) {
			dir, root := newDataDir(t), t.TempDir()
			link := filepath.Join(t.TempDir(), "current")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			escaped := strings.ReplaceAll(strings.ReplaceAll(strings.Trim(dir, "/"), "-", `\x2d`), "/", "-")
			fill := strings.NewReplacer("@DIR@", dir, "@BASE@", filepath.Dir(dir), "@LINK@", link, "@ROOT@", root, "@ESCAPED@", escaped).Replace
			for file, text := range tc.files {
				write(t, filepath.Join(root, file), fill(text), 0o644)
			}
			for path, target := range tc.links {
				path = filepath.Join(root, fill(path))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if target = fill(target); strings.HasPrefix(target, "etc/") {
					target = filepath.Join(root, target)
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
			}
			r := &runner{answer: func(command string, _ proc.Cmd) (string, int) {
				if !strings.HasPrefix(command, "systemctl list-units ") {
					return "unexpected: " + command, 99
				}
				listed, err := os.ReadFile(filepath.Join(root, "listed"))
				if err != nil {
					return "System has not been booted with systemd", 1
				}
				return string(listed), 0
			}}
			in := open(t, dir, func(o *Options) { o.UnitDirs, o.Runner = underRoot(root), r }).WithUnit(tc.configured)
			for _, in := range []*Instance{in, in.WithUnitFiles(&UnitFiles{})} {
				got, err := in.Unit(t.Context())
				if got != fill(tc.want) || (err != nil) != (tc.err != "") {
					t.Fatalf("got %q, %v", got, err)
				}
				if err != nil && !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// underRoot are the folders of units of another root.
func underRoot(root string) []string {
	var out []string
	for _, d := range DefaultUnitDirs() {
		out = append(out, filepath.Join(root, d))
	}
	return out
}

// The kernel says in which unit a process runs.
func TestInGroup(t *testing.T) {
	for text, want := range map[string]bool{
		"0::/system.slice/dataiku.service\n":                                           true,
		"0::/system.slice/dataiku.service/sub\n":                                       true,
		"1:name=systemd:/system.slice/dataiku.service\n0::/\n":                         true,
		"0::/user.slice/user-1000.slice/session-3.scope\n":                             false,
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/dataiku.service\n": false,
		"0::/system.slice/dataiku.services\n":                                          false,
		"":                                                                             false, "nonsense": false,
	} {
		if got := inGroup(text, "dataiku.service"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestUnitText(t *testing.T) {
	got := parseUnit("[Service]\nEnvironment=A=1 \"B=two words\"\nUser=x\nExecStart=/a\n", "[Service]\nUser=y\nExecStart=\nExecStart=/b \\\n# between\n  c\n")
	want := unitText{"Environment": {`A=1 "B=two words"`}, "User": {"y"}, "ExecStart": {"/b    c"}}
	got["ExecStart"][0] = strings.Join(strings.Fields(got["ExecStart"][0]), " ")
	want["ExecStart"][0] = "/b c"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "two words", "C": "3"}, got.environment("x.service", []string{"# C=2\nC=3\n"})); diff != "" {
		t.Error(diff)
	}
}
