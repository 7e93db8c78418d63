package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dssctl/dssctl/internal/clock"
)

// A server that goes silent answers nothing, and does not close either: packets
// are dropped, or its processes are stopped. Waiting for it would leave DSS down
// without an end. A statement can take hours though, and say nothing meanwhile. So
// when nothing has come for a while, another connection asks whether the server
// still answers and works for us.

// patience says when to ask, and how long without a good answer is too long.
type patience struct{ quiet, limit time.Duration }

var usual = patience{quiet: 15 * time.Second, limit: 2 * time.Minute}

// patience is the usual one. The driver's own idle limit, socketTimeout in
// seconds, is kept to where it is shorter.
func (l Login) patience() patience {
	p := usual
	if n, err := strconv.Atoi(l.Properties["socketTimeout"]); err == nil && n > 0 && time.Duration(n)*time.Second < p.limit {
		p.limit = time.Duration(n) * time.Second
		p.quiet = min(p.quiet, p.limit/4)
	}
	return p
}

// silentError is why a wait was given up.
type silentError struct {
	after time.Duration
	why   string
}

func (e *silentError) Error() string {
	return fmt.Sprintf("nothing has come from the server for %s, and %s", e.after.Round(time.Second), e.why)
}

// Watch ends the returned context when the server has answered nobody for too
// long: for a program that talks to it. stop ends the watch.
func Watch(ctx context.Context, l Login, c clock.Clock) (watched context.Context, stop func()) {
	ctx, give := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p := l.patience()
		last := c.Now()
		for c.Sleep(ctx, p.quiet) == nil {
			err := l.alive(ctx, p, nil)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				last = c.Now()
			case c.Now().Sub(last) >= p.limit:
				give(silent(l, "work with", &silentError{c.Now().Sub(last), err.Error()}))
				return
			}
		}
	}()
	return ctx, func() { give(nil); <-ended }
}

func silent(l Login, doing string, e *silentError) error {
	return &Error{Kind: Silent, Doing: doing, Where: l.Where(), Role: l.User, Detail: e.Error()}
}

// alive asks over a connection of its own. An answer of the server is an answer,
// also a refusal. For a connection it asks what the server does there: nil when it
// works, or when that cannot be told.
func (l Login) alive(ctx context.Context, p patience, w *watchedConn) error {
	ctx, cancel := context.WithTimeout(ctx, min(10*time.Second, p.limit))
	defer cancel()
	cfg, err := config(l)
	if err != nil {
		return nil //nolint:nilerr // nobody can ask, so nobody gives up
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return errors.New("it does not answer")
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(closing) // nothing depends on it
	}()
	if w == nil || w.backend.Load() == 0 {
		if _, err := c.Exec(ctx, `SELECT 1`); err != nil {
			return errors.New("it does not answer")
		}
		return nil
	}
	var waits, active string
	err = c.QueryRow(ctx, `SELECT coalesce(to_jsonb(a)->>'wait_event', ''), coalesce(state, '') FROM pg_stat_activity a WHERE pid = $1`, int64(w.backend.Load())).Scan(&waits, &active)
	if answered := (*pgconn.PgError)(nil); errors.As(err, &answered) {
		return nil
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errors.New("it has ended our connection")
	case err != nil:
		return errors.New("it does not answer")
	case waits == "ClientWrite" && w.reading.Load() > 0, waits == "ClientRead" && active == "active" && w.writing.Load() > 0:
		return errors.New("it waits for this side, so what is between loses packets")
	}
	return nil
}

// watchedConn is a connection to the server that is given up when it is silent.
type watchedConn struct {
	net.Conn
	login Login
	// reading and writing are those under way, moved is what came of them.
	reading, writing, moved atomic.Int64
	// backend is the server's process, 0 behind a pooler.
	backend atomic.Uint32
	gaveUp  atomic.Pointer[silentError]
	stop    context.CancelFunc
	once    sync.Once
}

// dial connects with keep-alives on our side, and watches the connection.
func (l Login) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 6}}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	w := &watchedConn{Conn: c, login: l, stop: stop}
	go w.watch(watching, l.patience())
	return w, nil
}

func (w *watchedConn) watch(ctx context.Context, p patience) {
	c := clock.System{}
	last, moved := c.Now(), w.moved.Load()
	for c.Sleep(ctx, p.quiet) == nil {
		if now := w.moved.Load(); now != moved || w.reading.Load()+w.writing.Load() == 0 {
			last, moved = c.Now(), now
			continue
		}
		err := w.login.alive(ctx, p, w)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			last = c.Now()
		case c.Now().Sub(last) >= p.limit:
			w.gaveUp.Store(&silentError{c.Now().Sub(last), err.Error()})
			_ = w.Conn.Close() // whoever waits is told why
			return
		}
	}
}

func (w *watchedConn) done(n int, err error) (int, error) {
	w.moved.Add(int64(n))
	if e := w.gaveUp.Load(); err != nil && e != nil {
		return n, e
	}
	return n, err
}

// Read implements net.Conn.
func (w *watchedConn) Read(b []byte) (int, error) {
	w.reading.Add(1)
	defer w.reading.Add(-1)
	return w.done(w.Conn.Read(b))
}

// Write implements net.Conn.
func (w *watchedConn) Write(b []byte) (int, error) {
	w.writing.Add(1)
	defer w.writing.Add(-1)
	return w.done(w.Conn.Write(b))
}

// Close implements net.Conn.
func (w *watchedConn) Close() error {
	w.once.Do(w.stop)
	return w.Conn.Close()
}
