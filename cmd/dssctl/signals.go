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

// signals turns what asks a command to end into a wish (the first: stop in a clean
// place) and an order (the second: abort).
type signals struct {
	stop   chan struct{}
	first  atomic.Int32
	finish func()
}

// watchSignals returns a context that the second signal cancels. graceful says
// whether the first one only asks; otherwise it cancels at once.
//
// SIGHUP, the end of a terminal or a connection, asks like the others and never
// orders: a shell passes on the one that the kernel has sent already, and systemd
// sends it after SIGTERM.
func (w *world) watchSignals(ctx context.Context, graceful bool) (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &signals{stop: make(chan struct{})}
	ch := make(chan os.Signal, 4)
	watched := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		watched = append(watched, syscall.SIGHUP)
	}
	signal.Notify(ch, watched...)
	ended := make(chan struct{})
	s.finish = func() {
		signal.Stop(ch)
		close(ended)
		cancel(nil)
	}
	go func() {
		for typed := 0; ; {
			select {
			case <-ended:
				return
			case sig := <-ch:
				first := s.first.CompareAndSwap(0, int32(sig.(syscall.Signal)))
				if first {
					close(s.stop)
				}
				if sig != syscall.SIGHUP {
					typed++
				}
				switch {
				case !graceful:
					cancel(errAborted)
				case first, sig != syscall.SIGHUP && typed == 1:
					view.Interrupted(w.stderr())
				case sig != syscall.SIGHUP:
					view.Aborting(w.stderr())
					cancel(errAborted)
				}
			}
		}
	}()
	return ctx, s
}

// signal returns the first signal that came, 0 for none.
func (s *signals) signal() syscall.Signal { return syscall.Signal(s.first.Load()) }

// surviveClosedPipes has a write into a pipe without a reader fail instead of
// ending this process. Ignored, the signal would stay so in what dssctl starts.
func surviveClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
