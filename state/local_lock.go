package state

import "context"

// Lock takes the estate's lock.
func (l *Local) Lock(ctx context.Context, why string) (Lease, error) {
	if err := l.ensure(); err != nil {
		return nil, err
	}
	return lockFile(ctx, l.path("lock"), lockOptions{
		What: "the estate", Why: why, Clock: l.o.Clock, Heartbeat: l.o.Heartbeat,
	})
}

// Holder returns who holds the estate's lock.
func (l *Local) Holder(context.Context) (*Holder, error) {
	if _, err := l.check(); err != nil {
		return nil, err
	}
	return lockHolder(l.path("lock"), l.o.Clock.Now())
}

// Unlock breaks the estate's lock.
func (l *Local) Unlock(context.Context) error {
	if there, err := l.check(); err != nil || !there {
		return err
	}
	return breakLock(l.path("lock"))
}
