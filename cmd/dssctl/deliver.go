package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

// delivery is where everything goes that dssctl writes for somebody: standard
// output, standard error, the file of --json-into. A reader that is gone, a full
// disk or a closed terminal loses the output and never ends a run. While a run
// goes on, nothing waits for a slow reader either: DSS may be down.
type delivery struct {
	mu      sync.Mutex
	outlets map[io.Writer]*outlet
	waiting []parcel // what a run has written and nobody has taken yet
	size    int
	queued  bool
	more    chan struct{}
	idle    chan struct{} // closed when the queue's goroutine has ended
}

// outlet is one place to write to. Its first error is kept, and what comes after
// is dropped.
type outlet struct {
	d  *delivery
	to io.Writer

	mu  sync.Mutex
	err error
}

type parcel struct {
	to   *outlet
	data []byte
}

// mostWaiting is how much is kept for a reader that does not read. What is more
// is dropped.
const mostWaiting = 16 << 20

// to returns the outlet to a writer, the same one each time.
func (d *delivery) to(w io.Writer) *outlet {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.outlets == nil {
		d.outlets = map[io.Writer]*outlet{}
	}
	if d.outlets[w] == nil {
		d.outlets[w] = &outlet{d: d, to: w}
	}
	return d.outlets[w]
}

// Write never fails.
func (o *outlet) Write(p []byte) (int, error) {
	if !o.d.enqueue(o, p) {
		o.write(p)
	}
	return len(p), nil
}

func (o *outlet) write(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = o.to.Write(p)
	}
}

// lost says why not everything was written; nil when it was, and when the reader
// has gone away: it has seen what it wanted.
func (o *outlet) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(o.err, syscall.EPIPE) {
		return nil
	}
	return o.err
}

func (d *delivery) enqueue(o *outlet, p []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.queued {
		return false
	}
	if d.size+len(p) <= mostWaiting {
		d.waiting = append(d.waiting, parcel{o, append([]byte(nil), p...)})
		d.size += len(p)
		select {
		case d.more <- struct{}{}:
		default: // it has been told
		}
	}
	return true
}

// lastMoment is how long a reader has when the person who wants out waits.
const lastMoment = time.Second

// queue has a goroutine do the writing from now on. It returns what waits until
// all is written, hardly any longer once ctx has ended, and has writers write for
// themselves again.
func (d *delivery) queue() (flush func(ctx context.Context)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queued {
		return func(context.Context) {}
	}
	d.queued, d.more, d.idle = true, make(chan struct{}, 1), make(chan struct{})
	go d.work(d.more, d.idle)
	return func(ctx context.Context) {
		d.mu.Lock()
		more, idle := d.more, d.idle
		close(more)
		d.queued = false
		d.mu.Unlock()
		select {
		case <-idle:
			return
		case <-ctx.Done():
		}
		moment, cancel := context.WithTimeout(context.Background(), lastMoment)
		defer cancel()
		select {
		case <-idle:
		case <-moment.Done():
		}
	}
}

func (d *delivery) work(more, idle chan struct{}) {
	defer close(idle)
	for open := true; open; {
		_, open = <-more
		for {
			d.mu.Lock()
			all := d.waiting
			d.waiting, d.size = nil, 0
			d.mu.Unlock()
			if len(all) == 0 {
				break
			}
			for _, p := range all {
				p.to.write(p.data)
			}
		}
	}
}
