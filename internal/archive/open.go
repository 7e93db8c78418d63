package archive

import (
	"context"
	"errors"
	"io"
)

// Open returns the content of one file, read from the block where it begins. The
// last Read returns ErrDamaged instead of io.EOF when the content is not what
// the index says. A hard link opens the file that it is another name of.
func Open(ctx context.Context, archive, index, path string) (io.ReadCloser, Member, error) {
	return nil, Member{}, errors.ErrUnsupported
}
