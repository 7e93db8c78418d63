package dss

import (
	"bytes"
	"errors"
	"io/fs"
)

// AsOriginal reports whether a file is, byte for byte, what the run found: nothing
// was kept of it, or it was put back.
func (in *Instance) AsOriginal(run, rel string) (bool, error) {
	original, existed, kept, err := in.Original(run, rel)
	if err != nil || !kept {
		return err == nil, err
	}
	now, err := readFile(in.Path(rel))
	if errors.Is(err, fs.ErrNotExist) {
		return !existed, nil
	}
	return err == nil && existed && bytes.Equal(now, original), err
}
