package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broken fails from the second write on.
type broken struct {
	got []string
	err error
}

func (b *broken) Write(p []byte) (int, error) {
	if len(b.got) == 1 {
		return 0, b.err
	}
	b.got = append(b.got, string(p))
	return len(p), nil
}

// What cannot be written is lost without an error to the writer, and nothing is
// written after it: half of a stream is no stream.
func TestDeliveryLosesWhatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		err  error
		told bool
	}{{syscall.EPIPE, false}, {syscall.ENOSPC, true}, {syscall.EIO, true}} {
		var d delivery
		b := &broken{err: c.err}
		for _, text := range []string{"one", "two", "three"} {
			if n, err := d.to(b).Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("%v: wrote %d, %v", c.err, n, err)
			}
		}
		if lost := d.to(b).lost(); len(b.got) != 1 || (lost != nil) != c.told || c.told && !errors.Is(lost, c.err) {
			t.Errorf("%v: got %v, lost %v", c.err, b.got, lost)
		}
	}
}

// While a run goes on, a reader that does not read holds nobody up. What it has
// not taken comes in order once it reads.
func TestDeliveryDoesNotWaitInARun(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var d delivery
	flush := d.queue()
	var want strings.Builder
	for i := range 5000 { // more than a pipe holds
		line := fmt.Sprintf("line %d: %s\n", i, strings.Repeat("x", 50))
		want.WriteString(line)
		if _, err := d.to(w).Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	// One who wants out is not held up either.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	flush(ctx)
	got := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r)
		got <- b.String()
	}()
	<-d.idle
	w.Close()
	select {
	case text := <-got:
		if text != want.String() {
			t.Errorf("%d bytes came, expected %d", len(text), want.Len())
		}
	case <-time.After(patience):
		t.Fatal("the reader hangs")
	}
}

// A reader that never reads costs a bounded amount of memory.
func TestDeliveryKeepsABoundedAmount(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var d delivery
	flush := d.queue()
	for range 40 {
		_, _ = d.to(w).Write(make([]byte, 1<<20))
	}
	d.mu.Lock()
	if d.size > mostWaiting {
		t.Errorf("%d bytes wait", d.size)
	}
	d.mu.Unlock()
	r.Close()
	flush(context.Background())
	w.Close()
}

// Standard output and standard error of a run keep their order.
func TestDeliveryKeepsTheOrderOfAllOutlets(t *testing.T) {
	var d delivery
	var b bytes.Buffer
	one, two := &struct{ *bytes.Buffer }{&b}, &struct{ *bytes.Buffer }{&b}
	flush := d.queue()
	for i := range 200 {
		to := one
		if i%3 == 0 {
			to = two
		}
		fmt.Fprintf(d.to(to), "%d ", i)
	}
	flush(context.Background())
	var want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&want, "%d ", i)
	}
	if b.String() != want.String() {
		t.Errorf("got %s", b.String())
	}
	fmt.Fprint(d.to(one), "direct")
	if !strings.HasSuffix(b.String(), "direct") {
		t.Error("writes are queued on after the run")
	}
}
