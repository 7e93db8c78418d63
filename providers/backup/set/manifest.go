package set

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/providers/backup/exclude"
	"github.com/dssctl/dssctl/providers/backup/method"
)

// The names of a set's own files.
const (
	ManifestName = "manifest.json"
	SumsName     = "SHA256SUMS"
	DumpName     = "postgresql.dump"
)

// Format of the manifest. A reader refuses a higher one.
const Format = 1

// maxManifest bounds what is read of a manifest that may be anybody's.
const maxManifest = 16 << 20

// Manifest says what a set is of. It holds no secret.
type Manifest struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
	// Time is when the view was still; Finished when everything was kept.
	Time     time.Time `json:"time"`
	Finished time.Time `json:"finished"`
	Tool     string    `json:"dssctl_version"`
	Host     string    `json:"host"`
	// Instance and Backup are the names in the estate: "instance.design" and
	// "nightly".
	Instance string `json:"instance"`
	Backup   string `json:"backup"`
	DataDir  string `json:"data_dir"`
	DSS      DSS    `json:"dss"`
	// Consistency is stop, snapshot or live; View how the view was held:
	// "stopped", "reflink", "btrfs" …
	Consistency string        `json:"consistency"`
	View        string        `json:"view,omitempty"`
	Excluded    exclude.Rules `json:"excluded,omitzero"`
	// Required are what the set must hold, as method.Method's Holds takes them;
	// an older set does not say, see Must.
	Required []string `json:"required,omitempty"`
	// Outside are links and mounts that led out of the data directory: what they
	// lead to is not in the set, except what was followed. nil when nobody looked.
	Outside *Outside    `json:"outside,omitempty"`
	Part    method.Part `json:"datadir"`
	// Database is the runtime database; nil when it is embedded and so in the
	// data directory.
	Database *Database `json:"database,omitempty"`
}

// DSS is what the set knows of the instance.
type DSS struct {
	Version   string `json:"version"`
	NodeType  string `json:"node_type"`
	InstallID string `json:"install_id,omitempty"`
	NodeID    string `json:"node_id,omitempty"`
	Port      int    `json:"port"`
}

// Database says where the runtime databases were, and what the dump of them
// holds.
type Database struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
	Schema   string `json:"schema"`
	Prefix   string `json:"table_prefix,omitempty"`
	// User is the role that DSS logged in as; "" in sets of older dssctl.
	User string `json:"user,omitempty"`
	// Dump is pg's own account: tables with rows, sequences, versions.
	Dump json.RawMessage `json:"dump"`
}

// FormatError says that a manifest has a format that this dssctl does not read.
type FormatError struct {
	Path  string
	Found int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has the format %d, and this dssctl reads %d: use the dssctl that wrote it, or a newer one", e.Path, e.Found, Format)
}

// Write writes the manifest into the folder, on disk when it returns.
func (m *Manifest) Write(folder string) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest of the set %s: %w", m.ID, err)
	}
	return atomicfile.Write(filepath.Join(folder, ManifestName), append(raw, '\n'), 0o600)
}

// Read reads a manifest without checking it against its checksum.
func Read(folder string) (Manifest, error) {
	path := filepath.Join(folder, ManifestName)
	raw, err := readBounded(path, maxManifest)
	if err != nil {
		return Manifest{}, err
	}
	return parse(path, raw)
}

func parse(path string, raw []byte) (Manifest, error) {
	var m Manifest
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return m, fmt.Errorf("%s is no manifest of a backup set: %w", path, err)
	}
	if head.Format != Format {
		return m, &FormatError{Path: path, Found: head.Format}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%s is no manifest of a backup set: %w", path, err)
	}
	switch {
	case !ValidID(m.ID):
		return m, fmt.Errorf("%s names no set: its id is %q", path, m.ID)
	case m.Part.Method == "":
		return m, fmt.Errorf("%s does not say by which method the data directory was kept", path)
	case m.Part.Files < 0 || m.Part.Bytes < 0 || m.Part.Folders < 0 || m.Part.Stored < 0:
		return m, fmt.Errorf("%s has impossible sizes", path)
	}
	for _, id := range m.Part.Needs {
		if !ValidID(id) {
			return m, fmt.Errorf("%s needs the set %q, which can be none", path, id)
		}
	}
	return m, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, and at most %d are believable", path, info.Size(), limit)
	}
	return os.ReadFile(path)
}
