package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/dssctl/dssctl/internal/view"
)

// errAborted is the cause of a context that a second signal cancelled.
var errAborted = errors.New("aborted by a second signal")

// signals turns SIGINT and SIGTERM into a wish (the first: stop in a clean
// place) and an order (the second: abort).
type signals struct {
	stop   chan struct{}
	first  atomic.Int32
	finish func()
}

// watchSignals returns a context that the second signal cancels. graceful says
// whether the first one only asks; otherwise it cancels at once.
func (w *world) watchSignals(ctx context.Context, graceful bool) (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &signals{stop: make(chan struct{})}
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	s.finish = func() {
		signal.Stop(ch)
		close(ended)
		cancel(nil)
	}
	go func() {
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			case sig := <-ch:
				if n == 0 {
					s.first.Store(int32(sig.(syscall.Signal)))
					close(s.stop)
				}
				if graceful && n == 0 {
					view.Interrupted(w.stderr())
					continue
				}
				if graceful {
					view.Aborting(w.stderr())
				}
				cancel(errAborted)
			}
		}
	}()
	return ctx, s
}

// signal returns the first signal that came, 0 for none.
func (s *signals) signal() syscall.Signal { return syscall.Signal(s.first.Load()) }
