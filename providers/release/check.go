package release

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers/dss"
)

// checkPath refuses what the documentation rules out.
func (m *maker) checkPath() {
	from, err := dss.ParseVersion(m.a.From)
	if err != nil {
		m.fail("version", "The version of the instance is not understood", "%v.", err)
		return
	}
	to, err := dss.ParseVersion(m.a.Version)
	if err != nil {
		m.fail("version", "The version is not understood", "%v.", err)
		return
	}
	if from.Older(4) && to.Major() > 5 {
		m.fail("version", "Another version has to come between",
			"%s is of DSS %s. From 3.1 and older, DSS upgrades to 5.0 first: declare version = \"5.0.x\" with the archive of a kit 5.0, apply, and then declare %s.",
			m.req.Address, m.a.From, m.a.Version)
	}
}

// checkKit refuses a kit that cannot be used.
func (m *maker) checkKit() {
	switch {
	case m.o.Root == "":
		m.fail("version", "Where the kit shall be is not known", "bin/env-default.sh of %s names no present kit (DKUINSTALLDIR): give install_root.", m.req.Address)
		return
	case m.o.Misplaced != "":
		m.fail("install_root", "The kit would be inside another folder of an instance",
			"%s is inside %s: what works on that folder, such as a backup or a restore, would have the kit with it. Choose a folder elsewhere.", m.o.Kit, m.o.Misplaced)
		return
	case m.o.KitProblem != "":
		m.fail("version", "The kit's folder is no kit", "%s is there and is no unpacked kit: %s. Remove it, or choose another install_root.", m.o.Kit, m.o.KitProblem)
		return
	case m.o.KitVersion != "" && m.o.KitVersion != m.a.Version:
		m.fail("version", "The kit is of another version", "The kit in %s is of DSS %s, and %s is declared.", m.o.Kit, m.o.KitVersion, m.a.Version)
		return
	case m.o.KitVersion != "":
		m.checkJava()
		return
	case m.a.Archive == "":
		m.fail("version", "There is no kit of this version", "%s is not there, and no archive is declared to unpack it from: give archive, such as \"/opt/kits/%s.tar.gz\".",
			m.o.Kit, kitName(m.a.Version))
		return
	case m.o.ArchiveProblem != "":
		m.fail("archive", "The archive cannot be read", "%s: %s.", m.a.Archive, m.o.ArchiveProblem)
		return
	case m.o.RootProblem != "":
		m.fail("install_root", "The kit cannot be unpacked there", "%s: %s. DSS's account needs to write there, or somebody else unpacks the kit.", m.o.Root, m.o.RootProblem)
		return
	case m.o.Free >= 0 && m.o.Free < m.o.ArchiveSize:
		m.fail("install_root", "There is no room for the kit", "%s has %s free, and the archive alone has %s: free some, or choose another install_root.", m.o.Root, humanize.Bytes(m.o.Free), humanize.Bytes(m.o.ArchiveSize))
		return
	}
	if m.a.SHA256 == "" {
		m.warn("archive", "The archive is not checked", "No sha256 is declared: whether %s is what Dataiku made cannot be told. Give the checksum from where you got the archive.", filepath.Base(m.a.Archive))
	}
	m.checkJava()
}

// checkJava warns where DSS would silently come to another Java.
func (m *maker) checkJava() {
	if m.o.OwnJava == "" || m.a.JavaHome != "" {
		return
	}
	machine, give := "the machine's own is "+m.o.MachineJava, "give java_home"
	if m.o.MachineJava == "" {
		machine = "the machine has none on its PATH"
	}
	if home, ok := strings.CutSuffix(m.o.OwnJava, "/bin/java"); ok && home != "" {
		give = fmt.Sprintf("give java_home = %q", home)
	}
	m.warn("version", "DSS uses a Java of its own", "bin/env-default.sh of %s names %s (DKUJAVABIN), and %s. "+
		"An upgrade takes the machine's unless it is told again which one DSS shall use. To keep it, %s.", m.req.Address, m.o.OwnJava, machine, give)
}

// checkDump sees whether external databases can be dumped.
func (m *maker) checkDump() {
	switch {
	case m.o.DatabaseProblem != "":
		m.fail("version", "Where the runtime databases are is not known", "They have to be protected before an upgrade: %s.", m.o.DatabaseProblem)
		return
	case !m.o.Database.External:
		return
	}
	m.a.Dump, m.a.Others = true, m.o.Others
	switch {
	case m.b.Has("database_password"):
		t := m.b.Text("database_password")
		m.a.Database = &t
	case m.req.Desired.Child("runtime_database") != nil && m.req.Desired.Child("runtime_database").Has("password"):
		t := m.req.Desired.Child("runtime_database").Text("password")
		m.a.Database = &t
	case m.o.Database.Encrypted():
		m.fail("version", "No password for the databases",
			"The runtime databases are in PostgreSQL and are dumped before the upgrade; DSS keeps their password encrypted, so that only DSS can read it. Declare it in `runtime_database`, or give `database_password`.")
	}
}

// checkAPI wants a key for what is done over the API.
func (m *maker) checkAPI() {
	for _, name := range []string{"rebuild_code_envs", "rebuild_code_env_images", "retrain"} {
		asked := m.asks(name)
		if asked && m.a.APIKey == nil {
			m.fail(name, "An API key is needed", "%s works over DSS's public API: give the instance an api_key of an administrator.", name)
		} else if asked && !hasProjects(m.a.NodeType) {
			m.fail(name, "This node has none", "%s is a %s node.", m.req.Address, m.a.NodeType)
		}
	}
	if m.a.APIKey == nil && m.major() && hasProjects(m.a.NodeType) {
		m.warn("version", "What needs attention cannot be listed",
			"Between major versions, code environments may have to be rebuilt and saved models trained again. With an api_key dssctl lists them after the upgrade; without one, look for them in DSS and read the release notes of %s.", m.a.Version)
	}
}

func (m *maker) asks(name string) bool {
	if name == "retrain" {
		return len(stringsOf(m.b.Value(name))) > 0
	}
	return m.b.Bool(name)
}

// within reports whether path is dir or inside it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && (rel == "." || rel != ".." && !strings.HasPrefix(rel, "../"))
}
