// Package backup is the aspect of backup policies: blocks `backup "NAME"`. Its
// provider observes which sets there are and whether the schedule's entry is as
// declared, proposes what is overdue, and has the performers that make, verify,
// remove and restore sets. `dssctl backup` asks the same provider for the same
// steps, see Order.
//
// Making a set is a row of small actions, so that a run that was killed knows
// how far it was: make the unfinished folder, hold the data directory still,
// dump PostgreSQL, keep the bytes, write the manifest, publish by one rename,
// read it all again, and only then remove what retention lets go.
//
//	set        a destination's folder of sets, manifests, checksums
//	method     how bytes are kept: archive, restic, rsync, duplicity, xfsdump
//	still      how a data directory is held still: snapshots, reflinks
//	exclude    what is left out
//	retention  which sets stay
//	schedule   when it runs: crontab entries, timers
package backup

import (
	"os"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/owners"
	"github.com/dssctl/dssctl/providers/places"
)

// Name of the aspect, of its blocks, and of its record.
const Name = "backup"

// The kinds of actions, in the order in which a set is made.
const (
	KindPrepare     plan.Kind = "backup.prepare"
	KindWarm        plan.Kind = "backup.warm"
	KindHold        plan.Kind = "backup.hold"
	KindDump        plan.Kind = "backup.dump"
	KindSave        plan.Kind = "backup.save"
	KindPublish     plan.Kind = "backup.publish"
	KindVerify      plan.Kind = "backup.verify"
	KindPrune       plan.Kind = "backup.prune"
	KindSchedule    plan.Kind = "backup.schedule"
	KindAdopt       plan.Kind = "backup.adopt"
	KindRestoreTest plan.Kind = "backup.restore_test"
)

// Options are what the provider knows of dssctl itself.
type Options struct {
	Tool string // its version
	// Command and Estate are what a schedule entry runs: the program's path,
	// and the estate's folder. Both absolute.
	Command, Estate string
	// Order is what a command asks for; nil proposes what the files ask for.
	Order *Order
}

// Provider is the aspect.
type Provider struct {
	o      Options
	near   neighbours.Prefixes
	places *owners.Estate
	all    []places.Instance
}

// New returns the provider.
func New(o Options) *Provider { return &Provider{o: o, places: owners.Survey(nil)} }

var (
	_ providers.Provider      = (*Provider)(nil)
	_ providers.EstateChecker = (*Provider)(nil)
	_ providers.Surveyor      = (*Provider)(nil)
)

// Survey returns the provider that knows the estate's table prefixes and folders.
func (p *Provider) Survey(all []*config.Instance, r secret.Resolver) providers.Provider {
	return p.surveyed(all, r)
}

func (p *Provider) surveyed(all []*config.Instance, r secret.Resolver) *Provider {
	return &Provider{o: p.o, near: neighbours.Survey(all, r), places: owners.Survey(all), all: instancesOf(all)}
}

// Name is "backup".
func (*Provider) Name() string { return Name }

// Performers has the code of every step.
func (*Provider) Performers() map[plan.Kind]providers.Performer {
	return map[plan.Kind]providers.Performer{
		KindPrepare: preparer{}, KindWarm: warmer{}, KindHold: holder{}, KindDump: dumper{}, KindSave: saver{},
		KindPublish: publisher{}, KindVerify: verifier{}, KindPrune: pruner{}, KindSchedule: scheduler{},
		KindAdopt: adopter{}, KindRestoreTest: restoreTester{},
		KindCheckSet: setChecker{}, KindSetAside: asider{}, KindUnpack: unpacker{}, KindPlace: placer{}, KindRewire: rewirer{}, KindLoad: loader{},
		KindAttach: attacher{}, KindProveRestore: restoreProver{}, KindTakeOut: taker{},
	}
}

// A set lies beside the instance, whatever becomes of the sets.
func (preparer) Aside()      {}
func (warmer) Aside()        {}
func (holder) Aside()        {}
func (dumper) Aside()        {}
func (saver) Aside()         {}
func (publisher) Aside()     {}
func (verifier) Aside()      {}
func (pruner) Aside()        {}
func (restoreTester) Aside() {}
func (taker) Aside()         {}

func ownerOf(address, name, dataDir string) set.Owner {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	return set.Owner{Instance: address, Backup: name, DataDir: dataDir, Host: host}
}
