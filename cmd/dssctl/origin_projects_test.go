package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// mover is a lab with an instance whose projects shall come to a new one.
type mover struct {
	*lab
	to int // the new instance's port
	// source and target are more lines of the two, origin of the block.
	source, target, origin string
}

func newMover(t *testing.T, seed int64) *mover {
	t.Helper()
	m := &mover{lab: newLab(t, seed)}
	m.install("old", dsskit.InstallOptions{})
	key, err := m.dss["old"].APIKey()
	m.ok(err)
	m.to = m.freePort()
	m.env = append(m.env, "DSSCTL_VAR_old_key="+key, dsskit.ProjectsEnvironment+"=none")
	m.source = "api_key = var.old_key"
	// Data of a project, by the parts of an export that have it.
	for _, folder := range []string{"uploads", "managed_folders", "managed_datasets"} {
		dir := filepath.Join(m.dss["old"].DataDir, folder, "CHURN")
		m.ok(os.MkdirAll(dir, 0o755))
		write(t, dir, "data.csv", "of "+folder+"\n")
	}
	m.declare()
	return m
}

func (m *mover) declare() {
	m.t.Helper()
	write(m.t, m.dir, "main.dss.hcl", `
variable "old_key" {
  type      = string
  sensitive = true
}

variable "new_key" {
  type      = string
  sensitive = true
  default   = ""
}

instance "old" {
  data_dir = "`+m.dss["old"].DataDir+`"
  port     = `+fmt.Sprint(m.port["old"])+`
  `+m.source+`
}

instance "new" {
  data_dir  = "`+m.place("new")+`"
  node_type = "design"
  port      = `+fmt.Sprint(m.to)+`
  `+m.target+`

  service {
    environment = ["`+dsskit.ProjectsEnvironment+`"]
  }

  origin "projects" {
    kit = "`+kit(m.t, kitVersion, m.seed)+`"
    of  = instance.old
    `+m.origin+`
  }
}
`)
}

// made installs the new instance, and gives it a key as an administrator does.
func (m *mover) made() {
	m.t.Helper()
	m.run(apply...).must(m.t, 0)
	m.adopt("new", m.to)
	key, err := m.dss["new"].APIKey()
	m.ok(err)
	m.env = append(m.env, "DSSCTL_VAR_new_key="+key)
	m.target = "api_key = var.new_key"
	m.declare()
}

// projects are those of the new instance.
func (m *mover) projects() []string {
	m.t.Helper()
	entries, err := os.ReadDir(filepath.Join(m.place("new"), "config", "projects"))
	m.ok(err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// has checks the new instance's projects, and that no archive is left.
func (m *mover) has(where string, want ...string) {
	m.t.Helper()
	if got := m.projects(); !slices.Equal(got, want) {
		m.t.Errorf("%s: the projects are %q, want %q", where, got, want)
	}
	if _, err := os.Stat(m.place("new") + ".dssctl/projects"); !os.IsNotExist(err) {
		m.t.Errorf("%s: an archive is left: %v", where, err)
	}
}

// runs are the names of all runs, the newest first.
func (m *mover) runs() []string {
	m.t.Helper()
	var list struct{ Runs []struct{ ID string } }
	m.ok(json.Unmarshal([]byte(m.run("state", "list", "-json").must(m.t, 0).stdout), &list))
	var out []string
	for _, r := range list.Runs {
		out = append(out, r.ID)
	}
	return out
}

// quiet checks that the new instance's scenarios are the source's, deactivated.
func (m *mover) quiet(where string) {
	m.t.Helper()
	theirs, n := m.scenarios("old"), 0
	for path, text := range m.scenarios("new") {
		n++
		if text = strings.TrimSpace(text); text != strings.TrimSpace(deactivated(theirs[path])) {
			m.t.Errorf("%s: %s is\n%s", where, path, text)
		}
	}
	if n != 3*len(m.projects()) {
		m.t.Errorf("%s: %d scenarios", where, n)
	}
	for path, text := range theirs {
		if strings.Contains(path, "NIGHTLY") && deactivated(text) == text {
			m.t.Errorf("%s: the source's %s is deactivated", where, path)
		}
	}
}

// A new instance is installed, set up, and filled: as an administrator goes
// about it, with the plan saying what is lost and what is still to do.
func TestOriginProjects(t *testing.T) {
	t.Parallel()
	m := newMover(t, 95)
	o := m.run("plan", "-detailed-exitcode", "-target", "instance.new").must(t, 2)
	all := o.String()
	flat := unwrapped(o.String())
	for _, want := range []string{
		"install the design node", "files written from Jupyter notebooks", "results of SQL notebooks", `whole state of the Flow`,
		"connections, code environments, plugins, users and groups", "bin/dsscli api-key-create --admin true",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the plan does not say %q: %s", want, o)
		}
	}
	m.made()
	m.has("installed")

	// An own connection and plugin of the source's is named ahead.
	m.ok(os.MkdirAll(filepath.Join(m.dss["old"].DataDir, "plugins", "geo-tools"), 0o755))
	o = m.run("plan", "-detailed-exitcode").must(t, 2)
	all += o.String()
	flat = unwrapped(o.String())
	for _, want := range []string{"bring the project CHURN from instance.old, its scenarios deactivated", "bring the project DKU_SALES", "geo-tools", "Flow", "managed_filesystem"} {
		if !strings.Contains(flat, want) {
			t.Errorf("the plan does not say %q: %s", want, o)
		}
	}
	o = m.run(apply...).must(t, 0)
	all += o.String()
	m.has("brought", "CHURN", "DKU_SALES", "ETUDE_2")
	m.quiet("brought")
	for folder, there := range map[string]bool{"uploads": true, "managed_folders": true, "managed_datasets": false} {
		raw, err := os.ReadFile(filepath.Join(m.place("new"), folder, "CHURN", "data.csv"))
		if there != (string(raw) == "of "+folder+"\n") {
			t.Errorf("%s: %q, %v", folder, raw, err)
		}
	}
	if !m.running("old") || !m.running("new") {
		t.Errorf("running: old %v, new %v", m.running("old"), m.running("new"))
	}
	if o := m.run("plan", "-detailed-exitcode"); o.code != 0 {
		t.Errorf("the plan afterwards: %s", o)
	}
	// What is made in the source later is its own, and needs nobody to be asked.
	m.stop("old")
	m.run("plan", "-detailed-exitcode", "-target", "instance.new").must(t, 0)
	m.start("old")

	run := m.lastRun()
	o = m.run("rollback", run, "-auto-approve").must(t, 5)
	if all += o.String(); !strings.Contains(o.String(), "the project CHURN, with all that was done in it") {
		t.Errorf("the rollback does not say what is lost: %s", o)
	}
	all += m.run("rollback", run, "-auto-approve", "-allow", "data-loss").must(t, 0).String()
	m.has("rolled back")
	m.run("plan", "-detailed-exitcode").must(t, 2)

	// A few now, one more later; none twice, and nothing over one that is there.
	m.origin = `projects = ["CHURN", "ETUDE_2"]`
	m.declare()
	m.run(apply...).must(t, 0)
	m.has("some", "CHURN", "ETUDE_2")
	m.run("plan", "-detailed-exitcode").must(t, 0)
	m.ok(os.CopyFS(filepath.Join(m.place("new"), "config/projects/DKU_SALES"), os.DirFS(filepath.Join(m.place("new"), "config/projects/CHURN"))))
	params := filepath.Join(m.place("new"), "config/projects/DKU_SALES/params.json")
	raw, err := os.ReadFile(params)
	m.ok(err)
	m.ok(os.WriteFile(params, []byte(strings.ReplaceAll(string(raw), "CHURN", "DKU_SALES")), 0o600))
	m.origin = ""
	m.declare()
	o = m.run("plan").must(t, 1)
	if all += o.String(); !strings.Contains(o.String(), "exists already") || !strings.Contains(o.String(), "DKU_SALES") {
		t.Errorf("a project that is there: %s", o)
	}
	m.origin = `except = ["DKU_SALES"]`
	m.declare()
	m.run("plan", "-detailed-exitcode").must(t, 0)

	noSecrets(t, m.lab, all)
	for _, v := range m.env {
		if name, key, _ := strings.Cut(v, "="); strings.HasSuffix(name, "_key") {
			nowhere(t, m.lab, name, key, all)
		}
	}
}

// nowhere checks that a key is in no output and in no file of dssctl's.
func nowhere(t *testing.T, l *lab, name, key, outputs string) {
	t.Helper()
	if strings.Contains(outputs, key) {
		t.Errorf("%s stands in the output", name)
	}
	for _, dir := range []string{filepath.Join(l.dir, ".dssctl"), l.place("new") + ".dssctl", l.place("old") + ".dssctl"} {
		m, err := filepath.Glob(dir)
		l.ok(err)
		for _, dir := range m {
			l.ok(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				raw, err := os.ReadFile(path)
				if strings.Contains(string(raw), key) {
					t.Errorf("%s stands in %s", name, path)
				}
				return err
			}))
		}
	}
}

// What fails leaves nothing of its project, keeps what had come, and says why;
// the next plan goes on.
func TestOriginProjectsFail(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{96, 97} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newMover(t, seed)
			m.made()
			for _, tt := range []struct {
				at     string
				faults dsskit.Faults
				want   string
			}{
				{"old", dsskit.Faults{dsskit.ExportCut: ""}, "export the project CHURN"},
				{"old", dsskit.Faults{dsskit.ExportCut: "quiet"}, "has no end"},
				{"new", dsskit.Faults{dsskit.UploadRefuse: ""}, "larger than this instance takes"},
				{"new", dsskit.Faults{dsskit.UploadRefuse: "html"}, "from the web server before DSS"},
				{"new", dsskit.Faults{dsskit.ImportRefuse: "CHURN"}, "uses what is not there"},
				{"new", dsskit.Faults{dsskit.ImportHalf: "CHURN"}, "Could not write the scenarios"},
				{"new", dsskit.Faults{dsskit.ImportLost: "CHURN"}, "does not list it"},
				{"new", dsskit.Faults{dsskit.ImportHTML: "CHURN"}, "its answer did not come"},
			} {
				m.ok(m.dss[tt.at].SetFault(tt.faults))
				o := m.run(apply...).must(t, 6)
				m.ok(m.dss[tt.at].SetFault(nil))
				if !strings.Contains(unwrapped(o.String()), tt.want) {
					t.Errorf("%s: %q is not said: %s", tt.faults, tt.want, o)
				}
				m.has(tt.faults.String())
			}
			// The one behind it fails: the first stays, and is not brought again.
			m.ok(m.dss["new"].SetFault(dsskit.Faults{dsskit.ImportRefuse: "DKU_SALES"}))
			o := m.run(apply...).must(t, 6)
			m.ok(m.dss["new"].SetFault(nil))
			m.has("the second refused", "CHURN")
			if !strings.Contains(o.String(), `except = ["DKU_SALES"]`) {
				t.Errorf("the way around is not said: %s", o)
			}
			// A connection that the new instance does not have.
			dataset := filepath.Join(m.dss["old"].DataDir, "config/projects/DKU_SALES/datasets")
			m.ok(os.MkdirAll(dataset, 0o755))
			write(t, dataset, "orders.json", `{"name":"orders","params":{"connection":"lake"}}`)
			o = m.run(apply...).must(t, 6)
			if !strings.Contains(o.String(), "Connection not found: lake") {
				t.Errorf("a connection that is not there: %s", o)
			}
			m.origin = `except = ["DKU_SALES"]`
			m.declare()
			m.run(apply...).must(t, 0)
			m.has("but for one", "CHURN", "ETUDE_2")
			m.quiet("but for one")
			m.run("plan", "-detailed-exitcode").must(t, 0)

			// What was left out comes when it is not any more.
			m.origin = ""
			m.declare()
			m.ok(os.RemoveAll(dataset))
			m.run(apply...).must(t, 0)
			m.has("all", "CHURN", "DKU_SALES", "ETUDE_2")
			m.run("plan", "-detailed-exitcode").must(t, 0)
		})
	}
}

// The source dies while it exports: nothing of the project is left, and it comes
// once the source is there again.
func TestOriginProjectsSourceDies(t *testing.T) {
	t.Parallel()
	m := newMover(t, 98)
	m.made()
	m.ok(m.dss["old"].SetFault(dsskit.Faults{dsskit.ExportCut: "die"}))
	o := m.run(apply...).must(t, 6)
	m.ok(m.dss["old"].SetFault(nil))
	if !strings.Contains(o.String(), "export the project CHURN from instance.old") {
		t.Errorf("what failed is not said: %s", o)
	}
	m.has("the source died")
	m.stop("old")
	if o := m.run("plan", "-target", "instance.new").must(t, 1); !strings.Contains(unwrapped(o.String()), "both must run") {
		t.Errorf("a source that is stopped: %s", o)
	}
	m.start("old")
	m.run(apply...).must(t, 0)
	m.has("again", "CHURN", "DKU_SALES", "ETUDE_2")
	m.quiet("again")
}

// Killed wherever, the projects are there wholly or not at all when the run has
// been recovered, and the next plan brings the rest.
func TestOriginProjectsKilledThenRecover(t *testing.T) {
	t.Parallel()
	m := newMover(t, 99)
	m.made()
	all := m.places(apply...)
	m.has("undisturbed", "CHURN", "DKU_SALES", "ETUDE_2")
	m.run("rollback", m.lastRun(), "-auto-approve", "-allow", "data-loss").must(t, 0)
	chosen := choose(all, records(4))
	killed := 0
	for n, at := range chosen {
		way := []string{"-resume", "-rollback"}[n%2]
		where := fmt.Sprintf("killed %s, %s", at, way)
		if o := m.killedAt(at, apply...); o.killed {
			killed++
			if rec := m.run("recover", way); rec.code != 0 && rec.code != 6 {
				t.Fatalf("%s: %s", where, rec)
			}
		} else {
			o.must(t, 0)
		}
		m.quiet(where)
		m.run(apply...).must(t, 0)
		m.has(where, "CHURN", "DKU_SALES", "ETUDE_2")
		m.quiet(where)
		m.run("plan", "-detailed-exitcode").must(t, 0)
		// Each run that brought something is undone, the last one first.
		for len(m.projects()) > 0 {
			before := len(m.projects())
			for _, run := range m.runs() {
				if m.run("rollback", run, "-auto-approve", "-allow", "data-loss").code == 0 {
					break
				}
			}
			if len(m.projects()) == before {
				t.Fatalf("%s: %q cannot be undone", where, m.projects())
			}
		}
	}
	t.Logf("%d places, %d tried, %d killed", len(all), len(chosen), killed)
	if killed < 4 {
		t.Errorf("only %d of %d were reached", killed, len(chosen))
	}
}
