package archive

import (
	"context"
	"errors"
)

// Extract puts the members into a folder, which is made if it is missing and
// must be empty. Every content is compared with the index. index may be "" for
// a tar made by others: then only what the compression itself checks is checked.
// After an error the folder holds a part.
func Extract(ctx context.Context, archive, index, into string, o ExtractOptions) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
