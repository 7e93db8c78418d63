package archive

import (
	"context"
	"errors"
)

// List hands over every member of an index, in the order of the archive.
func List(ctx context.Context, index string, f func(Member) error) error {
	return errors.ErrUnsupported
}
