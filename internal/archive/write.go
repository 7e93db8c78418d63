package archive

import (
	"context"
	"errors"
	"io"
)

// Write archives a tree: the archive to one writer, its index to the other.
func Write(ctx context.Context, archive, index io.Writer, src Source, o Options) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
