package main

import (
	"testing"
	"time"

	"github.com/dssctl/dssctl/internal/bench/measure/timing"
)

func TestFigureOf(t *testing.T) {
	ms := func(wall, cpu int, rss int64) timing.Sample {
		return timing.Sample{Wall: time.Duration(wall) * time.Millisecond, CPU: time.Duration(cpu) * time.Millisecond, RSS: rss}
	}
	for name, c := range map[string]struct {
		samples []timing.Sample
		want    figure
	}{
		"odd":  {[]timing.Sample{ms(30, 3, 5), ms(10, 9, 7), ms(20, 4, 6)}, figure{20e6, 10e6, 30e6, 4e6, 7}},
		"even": {[]timing.Sample{ms(30, 3, 5), ms(10, 1, 7)}, figure{20e6, 10e6, 30e6, 2e6, 7}},
		"none": {nil, figure{}},
	} {
		if got := figureOf(c.samples); got != c.want {
			t.Errorf("%s: found %+v, want %+v", name, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4620 * time.Microsecond: "4.6 ms", 250 * time.Millisecond: "250 ms",
		2512 * time.Millisecond: "2.51 s", 44*time.Second + 612*time.Millisecond: "44.6 s",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%s is shown as %q, want %q", d, got, want)
		}
	}
	for _, c := range []struct {
		a, b time.Duration
		want string
	}{{44, 1, "44 ×"}, {5, 2, "2.5 ×"}, {5, 0, "–"}} {
		if got := ratio(c.a, c.b); got != c.want {
			t.Errorf("%d / %d is shown as %q, want %q", c.a, c.b, got, c.want)
		}
	}
}
