package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/internal/dsskit"
)

// Law 4 for an upgrade: killed at journal records and inside the installer, then
// recover: the instance is of the old version with its old data, or of the new
// one; it runs, and PostgreSQL fits.
func TestUpgradeKilledThenRecover(t *testing.T) {
	t.Parallel()
	for i, where := range []string{"embedded", "PostgreSQL"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, int64(98+i))
			l.version = oldVersion
			in := l.install("design", dsskit.InstallOptions{})
			// It is there to be replayed.
			if r, err := in.Run(t.Context(), "dssadmin", "install-R-integration"); err != nil || r.ExitCode != 0 {
				t.Fatal(r, err)
			}
			body, more := "    rehearse = false", ""
			if where != "embedded" {
				more = l.inPostgres()
				l.releaseEstate(oldVersion, body, more)
				l.run(apply...).must(t, 0)
			}
			l.releaseEstate(kitVersion, body, more)
			from := l.shelve("fresh", true)
			before := l.settle("before", false, from.rows)
			all := l.places(apply...)
			l.whole("after")
			after := l.settle("after", true, from.rows)
			chosen := choose(all, func(all []place) []place {
				installing := slices.DeleteFunc(slices.Clone(all), func(p place) bool { return !strings.Contains(p.call, "process installer") })
				return append(installing, records(17)(all)...)
			})
			fresh, tried := false, 0
			for n, at := range chosen {
				if l.try(at, n, from, apply, before, after, &fresh) {
					tried++
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d places, killed at %d of %d", len(all), tried, len(chosen))
			if tried < len(chosen)*3/4 {
				t.Errorf("%d places were to be tried, and only %d were reached", len(chosen), tried)
			}
		})
	}
}
