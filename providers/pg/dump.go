package pg

import (
	"context"
	"errors"
)

// Dump is a dump to be made.
type Dump struct {
	Login Login
	Place Place
	// Whole dumps all of the database instead of a place, for a Govern node.
	Whole bool
	// File is where it goes: it appears, for its owner alone and safe on disk,
	// when the dump is whole. Beside it FILE.part is used.
	File string
	// Progress is told the bytes written, the bytes that the tables take on
	// the server, which is more than the dump will be, and the table at work.
	Progress func(done, total int64, table string)
}

// CheckDump looks whether the place could be dumped now: the server lets dssctl
// in, a pg_dump new enough is there, and nothing stands in the way. It changes
// nothing. The Sight tells how much there is.
func (t Tools) CheckDump(ctx context.Context, d Dump) (*Sight, error) {
	return nil, errors.ErrUnsupported
}

// Dump writes the file. Rows are counted in the dump's own snapshot. What a
// restore could not make again is refused, by name: views, triggers, row
// security, types and functions of one's own, tables the role may not read.
// When it fails or ctx ends, no file is there.
func (t Tools) Dump(ctx context.Context, d Dump) (DumpInfo, error) {
	return DumpInfo{}, errors.ErrUnsupported
}

// VerifyDump reads the file whole, and has pg_restore read its table of
// contents. The error says what is not as it was written.
func (t Tools) VerifyDump(ctx context.Context, file string, info DumpInfo) error {
	return errors.ErrUnsupported
}
