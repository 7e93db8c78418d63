package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/lazyregexp"
)

// tempTail ends the name that a file has for a moment, see tempName.
var tempTail = lazyregexp.New(`\.dssctl-[A-Z2-7]{26}$`)

// Sweep removes what a Write left in dir that was killed between giving the new
// file a name and renaming it: of the file called base, or with base "" of any.
// The caller makes sure that nobody writes there meanwhile. A folder that is not
// there is clean.
func Sweep(dir, base string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	swept := false
	for _, e := range entries {
		tail := tempTail.FindString(e.Name())
		of, hidden := strings.CutPrefix(strings.TrimSuffix(e.Name(), tail), ".")
		if tail == "" || !hidden || (base != "" && of != base) || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		swept = true
	}
	if swept {
		errs = append(errs, SyncDir(dir))
	}
	return errors.Join(errs...)
}
