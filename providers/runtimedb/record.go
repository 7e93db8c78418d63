package runtimedb

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers/pg"
)

// record is what state remembers of the aspect. It holds fingerprints and names
// of tables, no secret.
type record struct {
	Type     string          `json:"type"`
	Password *passwordRecord `json:"password,omitempty"`
	// Tables are the names of the role's tables as a move left them, before DSS
	// first ran with them.
	Tables []string `json:"tables,omitempty"`
	// Version of DSS that Tables are of.
	Version string `json:"version,omitempty"`
	// Leftovers are objects of failed runs that could not be dropped then.
	Leftovers []leftover `json:"leftovers,omitempty"`
}

// passwordRecord recognizes a password that DSS keeps encrypted: the same one
// never encrypts twice to the same string.
type passwordRecord struct {
	// Value is the fingerprint of the password, Stored that of what stands in
	// DSS's file for it.
	Value  string `json:"value"`
	Stored string `json:"stored"`
}

// leftover are objects that one run left at a place.
type leftover struct {
	Run     string      `json:"run"`
	Place   string      `json:"place"` // its fingerprint
	Objects []pg.Object `json:"objects,omitempty"`
	// All: the server was gone before the names could be read. The place was
	// empty when the run began, so all that the role owns there is the run's.
	All bool `json:"all,omitempty"`
	// ByDSS: the role made them after the run's copy, so they are nobody's to
	// drop but the user's.
	ByDSS bool `json:"by_dss,omitempty"`
}

func readRecord(raw json.RawMessage) record {
	var r record
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &r) // memory is no second truth: unreadable is none
	}
	return r
}

func passwordSum(k secret.Key, value string) string { return k.Sum("runtime_database.password", value) }

func storedSum(k secret.Key, stored string) string { return k.Sum("runtime_database.stored", stored) }

// placeSum is the fingerprint of a place.
func placeSum(k secret.Key, s settings) string {
	return k.Sum("runtime_database.place", pg.HostKey(s.Host), strconv.Itoa(portOr(s.Port)), s.Database, s.place.Schema, s.place.Prefix)
}

// leftoversAt are the objects that earlier runs left at the place; all says that
// everything the role owns there is theirs.
func (r record) leftoversAt(sum string) (objects []pg.Object, all bool) {
	for _, l := range r.Leftovers {
		if !l.ByDSS && secret.Equal(l.Place, sum) {
			objects, all = append(objects, l.Objects...), all || l.All
		}
	}
	return objects, all
}

// stayedAt are those of the objects that stayed at the place when runs were
// rolled back, because DSS had made them itself, and these runs.
func (r record) stayedAt(sum string, objects []string) (names, runs []string) {
	for _, l := range r.Leftovers {
		if !l.ByDSS || !secret.Equal(l.Place, sum) {
			continue
		}
		before := len(names)
		for _, o := range l.Objects {
			if slices.Contains(objects, o.Name) && !slices.Contains(names, o.Name) {
				names = append(names, o.Name)
			}
		}
		if len(names) > before {
			runs = append(runs, l.Run)
		}
	}
	return names, runs
}

// passwordOf makes the record of a declared password and of what stands in the
// file for it; nil when the password is unmanaged.
func passwordOf(k secret.Key, declared *string, stored string) *passwordRecord {
	if declared == nil || stored == "" {
		return nil
	}
	return &passwordRecord{Value: passwordSum(k, *declared), Stored: storedSum(k, stored)}
}
