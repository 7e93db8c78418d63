package origin

import (
	"fmt"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// install are the steps of a fresh instance.
func (m *maker) install() {
	in, o := m.req.Desired, m.o
	a := args{
		Kit: o.kit, Version: o.kitVersion, NodeType: in.String("node_type"), Port: int(in.Int("port")),
		License: m.b.String("license"), JavaHome: m.b.String("java_home"), Python: m.b.String("python"),
	}
	if !m.b.Has("kit") {
		m.refuse("", "No kit", "To install %s, dssctl needs the folder of an unpacked kit: kit = \"/opt/dataiku/dataiku-dss-14.4.1\".", in.Address)
	}
	if a.NodeType == "" {
		m.refuse("", "No node type", "What kind of node %s is to be is chosen when it is installed: declare node_type.", in.Address)
	}
	m.common(a.Port, true)
	if m.diags.HasErrors() {
		return
	}
	m.change("", m.b.Labels[0])
	m.change("kit", a.Kit)
	m.change("version", a.Version)
	if a.License != "" {
		m.change("license", a.License)
	}
	m.step(KindCheck, plan.Prepare, providers.Online, "look at the kit of DSS "+a.Version+", and for room", plan.OnlyLooks, plan.Cost{Seconds: 1})
	m.step(KindInstall, plan.Doing, providers.Offline,
		fmt.Sprintf("install the %s node in %s with the ports %d to %d", a.NodeType, in.DataDir, a.Port, a.Port+9), "remove it", plan.Cost{Seconds: installSeconds})
	// A Govern node needs its database before its first start.
	m.out.Unstarted = a.NodeType == "govern"
	m.finish(a)
}

// What DSS's installer takes as a rule, most of it for the Python environment.
const installSeconds = 120

// common are the rules for whatever makes an instance. ports says that it
// needs ports of its own.
func (m *maker) common(port int, ports bool) {
	in, o := m.req.Desired, m.o
	if port == 0 && ports {
		m.refuse("", "No port", "An instance owns ten ports, and %s needs ten of its own: declare port.", in.Address)
	}
	if o.kitProblem != "" {
		m.refuse("kit", "No kit there", "%s.", o.kitProblem)
	}
	if o.overlaps["kit"] {
		m.refuse("kit", "The kit and the data directory are in each other", "Of the kit %s and the data directory %s, one is inside the other. A kit is replaced by an upgrade and the data directory is not: keep them apart.", o.kit, in.DataDir)
	}
	if told := m.b.Labels[0] == byClone && o.overlaps["of"] || o.overlaps["kit"]; o.owned != "" && !told {
		m.refuse("", "The place belongs to another instance", "%s: %s. Choose a place of its own.", in.Address, o.owned)
	}
	for _, name := range []string{"license", "java_home", "python"} {
		if why := o.files[name]; why != "" {
			m.refuse(name, "A file cannot be read", "%s of %s: %s.", name, m.b.Address, why)
		}
	}
	if o.folderProblem != "" {
		m.refuse("", "The data directory cannot be made", "%s: %s.", in.DataDir, o.folderProblem)
	}
}
