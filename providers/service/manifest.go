package service

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/providers/dss"
)

const manifestFormat = 1

// header is the manifest's first line; each other line is an entry.
type header struct {
	Format  int         `json:"format"`
	DataDir string      `json:"data_dir"`
	Run     string      `json:"run"`
	Created time.Time   `json:"created"`
	Kinds   []plan.Kind `json:"kinds,omitempty"`
}

// entry is one file, folder or symlink of a safety backup, as it was in the
// data directory.
type entry struct {
	Path string `json:"path,omitempty"` // below the data directory
	// Raw is Path where that is no UTF-8.
	Raw []byte `json:"raw,omitempty"`
	// Type is file, dir, link, or absent for a protected name that was not
	// there.
	Type    string      `json:"type"`
	Mode    fs.FileMode `json:"mode,omitempty"` // permission and sticky bits
	GID     int         `json:"gid"`
	ModTime time.Time   `json:"mod_time,omitzero"`
	Size    int64       `json:"size,omitempty"`
	SHA256  string      `json:"sha256,omitempty"`
	Target  []byte      `json:"target,omitempty"` // of a link
}

const (
	typeFile   = "file"
	typeDir    = "dir"
	typeLink   = "link"
	typeAbsent = "absent"
)

func (e *entry) setPath(p string) {
	if utf8.ValidString(p) {
		e.Path = p
	} else {
		e.Raw = []byte(p)
	}
}

func (e *entry) path() string {
	if e.Raw != nil {
		return string(e.Raw)
	}
	return e.Path
}

// readManifest calls each for every entry. A path that leaves the data
// directory is an error: then the manifest is not what dssctl wrote.
func readManifest(dir string, each func(entry) error) (header, error) {
	var h header
	path := filepath.Join(dir, manifestName)
	f, err := os.Open(path)
	if err != nil {
		return h, fmt.Errorf("read the safety backup: %w", err)
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<16))
	if err := dec.Decode(&h); err != nil {
		return h, fmt.Errorf("read %s: %w", path, err)
	}
	if h.Format != manifestFormat {
		return h, fmt.Errorf("%s has the format %d; this dssctl reads format %d", path, h.Format, manifestFormat)
	}
	for {
		var e entry
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return h, nil
		case err != nil:
			return h, fmt.Errorf("read %s: %w", path, err)
		case !filepath.IsLocal(e.path()) || !dss.Protected(e.path()):
			return h, fmt.Errorf("%s names %q, which a safety backup does not hold", path, e.path())
		}
		if each == nil {
			continue
		}
		if err := each(e); err != nil {
			return h, err
		}
	}
}

// verifyWorkers read at a time.
const verifyWorkers = 4

// verifyCopy compares size and SHA-256 of each copied file with the manifest.
func verifyCopy(ctx context.Context, dir string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(verifyWorkers)
	_, err := readManifest(dir, func(e entry) error {
		if e.Type != typeFile {
			return context.Cause(ctx)
		}
		g.Go(func() error { return verifyFile(ctx, filepath.Join(dir, filesName, e.path()), &e) })
		return context.Cause(ctx)
	})
	if werr := g.Wait(); werr != nil {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("verify the safety backup in %s: %w", dir, err)
	}
	return nil
}

func verifyFile(ctx context.Context, path string, e *entry) error {
	n, sum, err := hashFile(ctx, path)
	if err != nil {
		return err
	}
	if n != e.Size || sum != e.SHA256 {
		return fmt.Errorf("the copy of %s has %d bytes and the SHA-256 %s, expected %d and %s", e.path(), n, sum, e.Size, e.SHA256)
	}
	return nil
}

func hashFile(ctx context.Context, path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := copyStream(ctx, h, f, nil)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// copyStream copies in pieces, looks at ctx between them, and tells their size.
func copyStream(ctx context.Context, to io.Writer, from io.Reader, told func(int64)) (int64, error) {
	buf := make([]byte, 256<<10)
	var sum int64
	for {
		if ctx.Err() != nil {
			return sum, context.Cause(ctx)
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return sum, err
			}
			sum += int64(n)
			if told != nil {
				told(int64(n))
			}
		}
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}
