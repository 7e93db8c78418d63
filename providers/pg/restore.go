package pg

import (
	"context"
	"errors"
)

// Restore is a dump to be restored.
type Restore struct {
	Login Login
	// To is where the tables go: the place that they were dumped from, or
	// another one. For a whole database it means nothing.
	To   Place
	File string
	Info DumpInfo
	// CreateSchema allows a schema that is not there to be made, marked as of
	// the run, see DropSchema.
	CreateSchema bool
	Run          string
	// Planned is told what will exist once the restore is committed, before the
	// commit; its error stops the restore. It is what Drop is to be given to
	// undo the restore. May be nil.
	Planned func([]Object) error
	// Progress is told the rows' bytes read, a rough total, and the table at
	// work. May be nil.
	Progress func(done, total int64, table string)
}

// Restore makes the tables, all or none, in one transaction. The place must be
// empty: what is there is set aside first, see SetAside. Nothing runs before the
// file has its checksum and holds nothing but what DumpInfo names. Rows and
// sequences are compared with DumpInfo. The tables belong to the login's role.
func (t Tools) Restore(ctx context.Context, r Restore) error { return errors.ErrUnsupported }

// Restored reports whether the place holds what the dump held when it was made:
// same tables, rows and sequences. The error says the first differences.
func Restored(ctx context.Context, l Login, to Place, info DumpInfo) error {
	return errors.ErrUnsupported
}
