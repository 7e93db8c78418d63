package origin

import (
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers"
)

// backup are the steps that tell an instance which is made from a backup set
// from the one that the set is of. Those that restore the set are proposed by
// the aspect of backups.
func (m *maker) backup() {
	in, o := m.req.Desired, m.o
	a := args{Kit: o.kit, Port: int(in.Int("port"))}
	if !m.b.Has("kit") {
		m.refuse("", "No kit", "To restore a backup set as %s, dssctl needs the folder of an unpacked kit, of the set's version or a newer one: declare kit.", in.Address)
	}
	if o.there {
		m.refuse("", "The folder is there", "A backup set is unpacked to a folder that is not there, and %s is, though empty. Remove it, or name another data_dir.", in.DataDir)
	}
	own := !m.b.Has("of")
	m.common(a.Port, !own)
	if m.diags.HasErrors() {
		return
	}
	m.change("", byBackup)
	m.change("version", o.kitVersion)
	if a.Port != 0 {
		m.change("port", a.Port)
	}
	if own {
		// The instance that was lost comes back, and is the same.
		return
	}
	m.change("of", m.b.String("of"))
	src := o.source
	if src == nil {
		return // the aspect of backups says so
	}
	a.Source = &source{Address: src.Address, DataDir: src.DataDir}
	m.step(KindIdentity, plan.Doing, providers.Offline, "give it an installid of its own", "with the content", plan.Cost{Seconds: 1})
	m.step(KindScenarios, plan.Doing, providers.Offline, "deactivate all scenarios, or they would run twice", "with the content", plan.Cost{Seconds: 1})
	m.finish(a)
}
