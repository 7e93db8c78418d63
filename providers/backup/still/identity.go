package still

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/iniedit"
)

// same makes sure that the view is one of this data directory, and not of
// another or of an empty volume: the identity that DSS was installed with is
// the same, or, where it has none, the whole of install.ini.
func (s *site) same(view string) error {
	mine, myID, err := identity(s.o.DataDir)
	if err != nil {
		return err
	}
	its, itsID, err := identity(view)
	if err != nil {
		return fmt.Errorf("the view is not of the data directory %s: %w", s.o.DataDir, err)
	}
	if myID != itsID || myID == "" && !bytes.Equal(mine, its) {
		return fmt.Errorf("the view %s is not of the data directory %s: its install.ini has the installid %q, expected %q", view, s.o.DataDir, itsID, myID)
	}
	return nil
}

func identity(dir string) (raw []byte, id string, err error) {
	path := filepath.Join(dir, "install.ini")
	raw, err = os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("read who it is: %w", err)
	}
	ini, err := iniedit.Parse(raw)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", path, err)
	}
	id, _ = ini.Get("general", "installid")
	return raw, id, nil
}
