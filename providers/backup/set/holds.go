package set

import "github.com/dssctl/dssctl/providers/backup/method"

// Outside is what of a data directory leads out of it.
type Outside struct {
	// Followed are kept as what they lead to: files and folders of the set.
	Followed []Lead `json:"followed,omitempty"`
	// Left lead to what is not in the set, the first of them by name.
	Left      []Lead `json:"left,omitempty"`
	LeftTotal int64  `json:"left_total,omitempty"`
	// Programs are links to what the system or the kit brings with it.
	Programs int64 `json:"programs,omitempty"`
}

// Lead is a link, or a folder on which another file system is mounted.
type Lead struct {
	Path string `json:"path"`
	// Target is where a link leads; "" for a mount.
	Target string `json:"target,omitempty"`
}

// Must are what every set of such a node must hold: without them there is
// nothing that DSS could start from.
func Must(nodeType string) []string {
	must := []string{"install.ini", "dss-version.json", "config/"}
	if nodeType != "api" && nodeType != "govern" {
		must = append(must, "config/general-settings.json")
	}
	return must
}

// Holds are what this set must hold.
func (m *Manifest) Holds() []string {
	if len(m.Required) > 0 {
		return m.Required
	}
	return Must(m.DSS.NodeType)
}

// Stored is the set as its method knows it.
func (e *Entry) Stored() method.Stored {
	return method.Stored{Set: e.ID, Time: e.Manifest.Time, Folder: e.Folder, Part: e.Manifest.Part}
}
