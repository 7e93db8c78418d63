package main

import (
	"bytes"
	"testing"
	"time"
)

func at(ms int) time.Time { return time.Unix(0, int64(ms)*1e6) }

func TestOverlap(t *testing.T) {
	whole := span{at(100), at(200)}
	for name, c := range map[string]struct {
		parts []span
		want  time.Duration
	}{
		"none":                      {nil, 0},
		"inside":                    {[]span{{at(110), at(130)}}, 20e6},
		"cut at both ends":          {[]span{{at(50), at(110)}, {at(190), at(250)}}, 20e6},
		"overlapping count once":    {[]span{{at(120), at(150)}, {at(110), at(140)}}, 40e6},
		"one inside another":        {[]span{{at(110), at(190)}, {at(120), at(130)}}, 80e6},
		"outside":                   {[]span{{at(10), at(20)}, {at(300), at(400)}}, 0},
		"all of it and then some":   {[]span{{at(0), at(1000)}}, 100e6},
		"one that ends where began": {[]span{{at(150), at(150)}}, 0},
	} {
		if got := overlap(whole, c.parts); got != c.want {
			t.Errorf("%s: found %s, want %s", name, got, c.want)
		}
	}
}

func TestEpoch(t *testing.T) {
	for _, text := range []string{"1700000000.000250", "1700000000,000250"} {
		got, err := epoch(text)
		if err != nil || !got.Equal(time.Unix(1700000000, 250_000)) {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1700000000", "1700000000.25", "x.000000", "1.-00001"} {
		if got, err := epoch(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestReadStream(t *testing.T) {
	stream := `{"@timestamp":"2026-01-02T03:04:05Z","type":"planned_action","action":{"id":"a1","kind":"service.stop"}}
{"@timestamp":"2026-01-02T03:04:06Z","type":"run_start","run":"r1"}
{"@timestamp":"2026-01-02T03:04:06Z","type":"apply_start","run":"r1","hook":{"action_id":"a1","title":"stop DSS"}}
{"@timestamp":"2026-01-02T03:04:08.5Z","type":"apply_complete","run":"r1","hook":{"action_id":"a1","title":"stop DSS"}}
`
	actions, run, err := readStream(bytes.NewBufferString(stream))
	if err != nil {
		t.Fatal(err)
	}
	if run != "r1" || len(actions) != 1 || actions[0].Kind != "service.stop" || actions[0].Title != "stop DSS" || actions[0].length() != 2500*time.Millisecond {
		t.Errorf("found run %q, actions %+v", run, actions)
	}
	for _, bad := range []string{"", "no JSON", `{"type":"version"}`} {
		if _, _, err := readStream(bytes.NewBufferString(bad)); err == nil {
			t.Errorf("%q is taken for a run", bad)
		}
	}
}
