package dss

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
)

// Size sums up the regular files at or below a path in the data directory:
// their sizes in bytes and their number. What is absent counts as nothing, and
// so does what vanishes meanwhile. Where the path is a link, it is what the link
// leads to that counts.
func (in *Instance) Size(ctx context.Context, rel string) (bytes int64, files int, err error) {
	top := in.Path(rel)
	if resolved, err := filepath.EvalSymlinks(top); err == nil {
		top = resolved
	}
	err = filepath.WalkDir(top, func(_ string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		bytes += info.Size()
		files++
		return nil
	})
	return bytes, files, err
}
