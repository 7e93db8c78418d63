package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// span is a stretch of time.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return s.to.Sub(s.from) }

// overlap is how much of a stretch is covered by others, which may overlap each
// other.
func overlap(whole span, parts []span) time.Duration {
	sorted := slices.SortedFunc(slices.Values(parts), func(a, b span) int { return a.from.Compare(b.from) })
	var sum time.Duration
	at := whole.from
	for _, p := range sorted {
		if p.from.Before(at) {
			p.from = at
		}
		if p.to.After(whole.to) {
			p.to = whole.to
		}
		if d := p.length(); d > 0 {
			sum += d
			at = p.to
		}
	}
	return sum
}

// epoch reads what bash calls EPOCHREALTIME.
func epoch(text string) (time.Time, error) {
	whole, micros, ok := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
	s, serr := strconv.ParseInt(whole, 10, 64)
	us, uerr := strconv.ParseUint(micros, 10, 32)
	if !ok || len(micros) != 6 || serr != nil || uerr != nil {
		return time.Time{}, fmt.Errorf("%q is no EPOCHREALTIME", text)
	}
	return time.Unix(s, int64(us)*1000), nil
}

// watchReady notes when a URL that did not answer with JSON begins to. The times
// come when ctx ends.
func watchReady(ctx context.Context, url string) <-chan []time.Time {
	out := make(chan []time.Time, 1)
	go func() {
		var times []time.Time
		was := false
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			now := answers(ctx, client, url)
			if now && !was {
				times = append(times, time.Now())
			}
			was = now
			select {
			case <-ctx.Done():
				out <- times
				return
			case <-tick.C:
			}
		}
	}()
	return out
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return err == nil && resp.StatusCode == http.StatusOK && json.Valid(body)
}
