package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/providers/dss"
)

// programDirs are what an installer makes to attach a data directory to its kit,
// as far as that is public, and no safety backup holds.
var programDirs = []string{"bin", "pyenv", "install-support"}

// programs describes those folders: names, sizes, times, and where links lead.
// The files of bin that a safety backup holds are left out.
func programs(ctx context.Context, in *dss.Instance) (string, error) {
	h := sha256.New()
	for _, dir := range programDirs {
		err := filepath.WalkDir(in.Path(dir), func(p string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			}
			rel, err := filepath.Rel(in.DataDir, p)
			if err != nil {
				return err
			}
			if kept, _ := filepath.Match("bin/env-*.sh", rel); kept {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			switch {
			case d.IsDir():
				fmt.Fprintf(h, "%q dir %o\n", rel, info.Mode())
			case info.Mode()&fs.ModeSymlink != 0:
				to, err := os.Readlink(p)
				if err != nil {
					return err
				}
				fmt.Fprintf(h, "%q link %q\n", rel, to)
			default:
				fmt.Fprintf(h, "%q %o %d %d\n", rel, info.Mode(), info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("look at %s of the data directory: %w", dir, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
