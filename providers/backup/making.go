package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/providers/backup/method"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
)

// makingName is the file in an unfinished set that says how far it is. The
// actions of a set hand over to each other by it, also to those of a dssctl
// that goes on with a killed run.
const makingName = "making.json"

// making is an unfinished set.
type making struct {
	// Time is when the view was still, DSS what the instance was then.
	Time time.Time `json:"time,omitzero"`
	DSS  set.DSS   `json:"dss,omitzero"`
	// View is how it was held: "stopped", "reflink", "btrfs", "live".
	View     string        `json:"view,omitempty"`
	Database *set.Database `json:"database,omitempty"`
	// DumpSHA256 is of the dump.
	DumpSHA256 string       `json:"dump_sha256,omitempty"`
	Part       *method.Part `json:"part,omitempty"`
	// Required and Outside are as in the manifest.
	Required []string     `json:"required,omitempty"`
	Outside  *set.Outside `json:"outside,omitempty"`
}

// part is the folder of the run's unfinished set.
func (c *call) part() string { return c.store.Part(c.Run) }

func (c *call) making() (making, error) {
	var m making
	raw, err := os.ReadFile(filepath.Join(c.part(), makingName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read how far the backup set is: %w", err)
	}
	return m, nil
}

func (c *call) update(f func(*making)) error {
	m, err := c.making()
	if err != nil {
		return err
	}
	f(&m)
	return atomicfile.Write(filepath.Join(c.part(), makingName), encode(m), 0o600)
}

// still notes the moment of the view and what the instance is then. The first
// note counts: dump and data directory are of one moment.
func (c *call) still(view string) error {
	m, err := c.making()
	if err != nil || !m.Time.IsZero() {
		return err
	}
	f, err := c.Instance.Identity()
	if err != nil {
		return err
	}
	return c.update(func(m *making) {
		m.Time, m.View, m.DSS = c.Clock.Now().UTC(), view, identity(f)
	})
}

func identity(f dss.Facts) set.DSS {
	return set.DSS{Version: f.Version, NodeType: f.NodeType, InstallID: f.InstallID, NodeID: f.NodeID, Port: f.Port}
}
