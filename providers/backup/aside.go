package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/fileid"
	"github.com/dssctl/dssctl/providers"
)

// asideList is what a restore has set aside: the file beside the folder, written
// when all of it is there. Putting back less would leave half an instance.
type asideList struct {
	Set   string      `json:"set"`
	Names []asideItem `json:"names"`
}

// asideItem is a file or folder that was set aside, known by more than its name.
type asideItem struct {
	Name string    `json:"name"`
	ID   fileid.ID `json:"id"`
}

func (c *call) writeAside() error {
	names, err := c.exchanged(c.replaced())
	if err != nil {
		return err
	}
	list := asideList{Set: c.Restore.Set, Names: []asideItem{}}
	for _, name := range names {
		id, err := fileid.OfLink(filepath.Join(c.replaced(), name))
		if err != nil {
			return err
		}
		list.Names = append(list.Names, asideItem{name, id})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return atomicfile.Write(c.replaced()+asideName, append(raw, '\n'), 0o600)
}

// checkAside says why what was set aside cannot be put back.
func (c *call) checkAside() error {
	gone := func(format string, args ...any) error {
		return &providers.GoneError{What: fmt.Sprintf("what was there before the restore is not in %s any more", c.replaced()), Err: fmt.Errorf(format, args...)}
	}
	raw, err := os.ReadFile(c.replaced() + asideName)
	if errors.Is(err, fs.ErrNotExist) {
		return gone("%s is not there", c.replaced()+asideName)
	}
	if err != nil {
		return err
	}
	if !exists(c.replaced()) {
		return gone("the folder is not there")
	}
	var list asideList
	if json.Unmarshal(raw, &list) != nil {
		return nil // an older dssctl wrote no list
	}
	for _, item := range list.Names {
		id, err := fileid.OfLink(filepath.Join(c.replaced(), item.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return gone("%s is missing", item.Name)
		case err != nil:
			return err
		case !item.ID.Is(id):
			return gone("%s is another one than was set aside", item.Name)
		}
	}
	return nil
}
