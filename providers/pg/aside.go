package pg

import (
	"context"
	"errors"
)

// SetAside moves all that the place owns into a schema of its own, by metadata
// only and in one transaction: indexes, constraints and owned sequences go with
// their tables. The schema is made, and marked so that it is known again; where
// the role may not make one, an empty one that it may create in is taken. When
// things were set aside there before, nothing happens: so it can be run again
// after a crash, also when the place has been filled anew. An object of another
// role is an error that leaves all where it is.
func SetAside(ctx context.Context, l Login, p Place, aside string) error {
	return errors.ErrUnsupported
}

// IsAside reports whether the place was set aside there and is still.
func IsAside(ctx context.Context, l Login, p Place, aside string) (bool, error) {
	return false, errors.ErrUnsupported
}

// BringBack moves what was set aside back to the place, which must be empty, and
// drops the schema made for it. When nothing is aside, nothing happens.
func BringBack(ctx context.Context, l Login, p Place, aside string) error {
	return errors.ErrUnsupported
}

// DropAside drops what was set aside, and the schema made for it. It never
// cascades. When nothing is aside, nothing happens.
func DropAside(ctx context.Context, l Login, p Place, aside string) error {
	return errors.ErrUnsupported
}
