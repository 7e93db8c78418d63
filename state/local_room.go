package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dssctl/dssctl/internal/atomicfile"
)

// roomForRun is what a run's plan and journal may come to.
const roomForRun = 4 << 20

// CheckRoom looks whether a run could be written down to its end. It leaves no
// trace.
func (l *Local) CheckRoom() error {
	for _, dir := range []string{l.dir, l.path("runs")} {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		for _, o := range atomicfile.CheckFolder(dir, roomForRun) {
			why := string(o.Reason)
			if o.Err != nil {
				why += " (" + o.Err.Error() + ")"
			}
			return fmt.Errorf("the state in %s could not be kept up to date: found %s, expected a folder that the account may write, with room for a run's journal; put that right first", dir, why)
		}
	}
	return nil
}
