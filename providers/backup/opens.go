package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/backup/set"
)

// opens looks into a restored data directory as far as can be looked without
// DSS: its settings are whole JSON, its embedded databases have the head that
// H2 wants to see, and there are as many names as the manifest says.
func opens(ctx context.Context, dir string, m set.Manifest) error {
	raw, err := os.ReadFile(filepath.Join(dir, "config", "general-settings.json"))
	switch {
	case err == nil:
		if _, err := jsonedit.Parse(raw); err != nil {
			return fmt.Errorf("the restored general-settings.json is no whole JSON: %w", err)
		}
	case m.DSS.NodeType != "api" && m.DSS.NodeType != "govern":
		return fmt.Errorf("the restored settings: %w", err)
	}
	raw, err = os.ReadFile(filepath.Join(dir, "dss-version.json"))
	if err != nil || !json.Valid(raw) {
		return fmt.Errorf("the restored dss-version.json is no whole JSON")
	}
	var names int64
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !d.IsDir() && d.Type() != fs.ModeSocket {
			names++
		}
		if !d.Type().IsRegular() {
			return nil
		}
		if strings.HasSuffix(path, ".mv.db") {
			return h2Head(path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if want, known := m.Part.Restored(); known && names < want {
		return fmt.Errorf("%d files and links were restored, and the set was made of %d", names, want)
	}
	return nil
}

// h2Head looks at the first block of an H2 database (MVStore): an empty file is
// one that was never opened; any other begins with a map of its own facts.
func h2Head(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case n < len(head) || !bytes.HasPrefix(head, []byte("H:2,")) && !bytes.HasPrefix(head, []byte("H:3,")):
		return fmt.Errorf("%s does not begin as an H2 database", path)
	}
	return nil
}
