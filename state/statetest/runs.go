package statetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dssctl/dssctl/state"
)

func (b *bench) run(s state.Store, plan string) state.Journal {
	b.Helper()
	j, err := s.CreateRun(b.ctx(), state.Run{Why: "apply", Instances: []string{"instance.design"}}, []byte(plan))
	b.ok(err)
	b.Cleanup(func() {
		if err := j.Close(); err != nil {
			b.Errorf("close the journal: %v", err)
		}
	})
	return j
}

func runHeads(t *testing.T, b *bench) {
	s := b.open()
	const plan = "{\"a\":\t1}\x00 every byte counts\n"
	j := b.run(s, plan)
	head := j.Run()
	if !state.ValidRunID(head.ID) || head.Status != state.Running || head.Started.IsZero() || !head.Ended.IsZero() || head.Who.PID == 0 {
		t.Errorf("a new run's head is %+v", head)
	}
	other, err := b.open().OpenRun(b.ctx(), head.ID)
	b.ok(err)
	defer other.Close()
	if diff := cmp.Diff(head, other.Run()); diff != "" {
		t.Errorf("opened again, the head differs: %s", diff)
	}
	got, err := other.Plan(b.ctx())
	b.ok(err)
	if string(got) != plan {
		t.Errorf("the plan came back as %q", got)
	}
	records, err := other.Records(b.ctx())
	b.ok(err)
	if len(records) != 0 {
		t.Errorf("a new journal has %d records", len(records))
	}

	b.ok(j.SetStatus(b.ctx(), state.Failed))
	if h := j.Run(); h.Status != state.Failed || h.Ended.IsZero() {
		t.Errorf("after a failure: %+v", h)
	}
	b.ok(j.SetStatus(b.ctx(), state.Running))
	if h := j.Run(); h.Status != state.Running || !h.Ended.IsZero() {
		t.Errorf("resumed: %+v", h)
	}
	b.ok(j.SetStatus(b.ctx(), state.Done))
	runs, err := b.open().Runs(b.ctx())
	b.ok(err)
	if diff := cmp.Diff([]state.Run{j.Run()}, runs); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}

	if _, err := s.CreateRun(b.ctx(), head, nil); err == nil {
		t.Error("a second run got the id of the first")
	}
}

func runsOrder(t *testing.T, b *bench) {
	s := b.open()
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, minute := range []int{5, 1, 9, 3} {
		j, err := s.CreateRun(b.ctx(), state.Run{
			ID:      fmt.Sprintf("20261120-12%02d00-aaaa", minute),
			Started: noon.Add(time.Duration(minute) * time.Minute),
		}, nil)
		b.ok(err)
		b.ok(j.Close())
	}
	runs, err := s.Runs(b.ctx())
	b.ok(err)
	var got []string
	for _, r := range runs {
		got = append(got, r.ID[11:13])
	}
	if g := strings.Join(got, " "); g != "09 05 03 01" {
		t.Errorf("the runs' minutes are %s, expected the newest first", g)
	}
}

func unknownRun(t *testing.T, b *bench) {
	s := b.open()
	b.run(s, "")
	for _, id := range []string{"20260101-000000-0000", "", ".", "..", "../../etc", "nonsense"} {
		if _, err := s.OpenRun(b.ctx(), id); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("OpenRun(%q) returned %v, expected ErrNotFound", id, err)
		}
		if _, err := s.CreateRun(b.ctx(), state.Run{ID: "x/" + id}, nil); err == nil {
			t.Errorf("CreateRun took the id %q", "x/"+id)
		}
	}
}

func (b *bench) append(j state.Journal, kind string) {
	b.Helper()
	b.ok(j.Append(b.ctx(), state.Record{Type: kind, Action: "design/1", Data: json.RawMessage(`{"x":"<é\n>"}`)}))
}

// kinds reads a run's journal as another process would.
func (b *bench) kinds(id string) string {
	b.Helper()
	j, err := b.open().OpenRun(b.ctx(), id)
	b.ok(err)
	defer j.Close()
	records, err := j.Records(b.ctx())
	b.ok(err)
	var out []string
	for i, r := range records {
		if r.Seq != i+1 || r.Time.IsZero() {
			b.Errorf("record %d has number %d and time %v", i+1, r.Seq, r.Time)
		}
		if r.Action != "design/1" || !sameJSON(r.Data, `{"x":"<é\n>"}`) {
			b.Errorf("record %d came back as %+v", i+1, r)
		}
		out = append(out, r.Type)
	}
	return strings.Join(out, " ")
}

func sameJSON(raw json.RawMessage, want string) bool {
	var a, b any
	return json.Unmarshal(raw, &a) == nil && json.Unmarshal([]byte(want), &b) == nil && cmp.Equal(a, b)
}

func journal(t *testing.T, b *bench) {
	j := b.run(b.open(), "")
	id := j.Run().ID
	b.append(j, "begin")
	if got := b.kinds(id); got != "begin" {
		t.Errorf("seen from outside at once: %q", got)
	}
	b.append(j, "end")
	b.ok(j.Close())
	// Another process goes on with it.
	again, err := b.open().OpenRun(b.ctx(), id)
	b.ok(err)
	b.append(again, "undo_begin")
	b.ok(again.Close())
	if got := b.kinds(id); got != "begin end undo_begin" {
		t.Errorf("the journal reads %q", got)
	}
}

func tornJournal(t *testing.T, b *bench) {
	if b.Tear == nil {
		t.Skip("this store cannot tear a record")
	}
	j := b.run(b.open(), "")
	id := j.Run().ID
	b.append(j, "one")
	b.append(j, "two")
	b.ok(j.Close())
	b.Tear(id)
	if got := b.kinds(id); got != "one two" {
		t.Errorf("behind a torn record the journal reads %q", got)
	}
	again, err := b.open().OpenRun(b.ctx(), id)
	b.ok(err)
	b.append(again, "three")
	b.ok(again.Close())
	if got := b.kinds(id); got != "one two three" {
		t.Errorf("continued behind a torn record, the journal reads %q", got)
	}
}

func damagedJournal(t *testing.T, b *bench) {
	if b.Damage == nil {
		t.Skip("this store's records cannot be edited")
	}
	j := b.run(b.open(), "")
	for _, kind := range []string{"one", "two", "three"} {
		b.append(j, kind)
	}
	b.ok(j.Close())
	b.Damage(j.Run().ID)
	again, err := b.open().OpenRun(b.ctx(), j.Run().ID)
	b.ok(err)
	defer again.Close()
	if records, err := again.Records(b.ctx()); err == nil {
		t.Errorf("a damaged journal was read: %d records", len(records))
	}
	if again.Append(b.ctx(), state.Record{Type: "four"}) == nil {
		t.Error("a damaged journal was continued")
	}
}

func runDropped(t *testing.T, b *bench) {
	s := b.open()
	open, closed := b.run(s, "{}"), b.run(s, "{}")
	b.ok(closed.SetStatus(b.ctx(), state.Done))
	if err := s.DropRun(b.ctx(), open.Run().ID); err == nil {
		t.Error("an open run was forgotten")
	}
	b.ok(s.DropRun(b.ctx(), closed.Run().ID))
	if err := s.DropRun(b.ctx(), closed.Run().ID); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("forgotten once more: %v", err)
	}
	if _, err := b.open().OpenRun(b.ctx(), closed.Run().ID); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a forgotten run was opened: %v", err)
	}
	runs, err := b.open().Runs(b.ctx())
	b.ok(err)
	if len(runs) != 1 || runs[0].ID != open.Run().ID {
		t.Errorf("the runs that are left: %+v", runs)
	}
}
