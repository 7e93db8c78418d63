package method

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// entry is one name of an index: a list of what a folder of files holds, JSON
// lines in the order of a walk, so that two of them, or one and a walk, are
// compared side by side without holding any in memory.
type entry struct {
	Path string `json:"p,omitempty"`
	Raw  []byte `json:"b,omitempty"` // the path when it is not UTF-8
	Kind string `json:"k"`           // see kindOf
	Mode uint32 `json:"m"`
	UID  uint32 `json:"u,omitempty"`
	GID  uint32 `json:"g,omitempty"`
	Size int64  `json:"s,omitempty"`
	// MTime and CTime are in ns. CTime is the original's: it tells of changes
	// that size and MTime do not show.
	MTime  int64  `json:"t"`
	CTime  int64  `json:"c,omitempty"`
	SHA256 string `json:"h,omitempty"`
	Link   []byte `json:"l,omitempty"`

	links uint64
	inode uint64
}

func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "folder"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeNamedPipe:
		return "pipe"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}

// lookAt is lstat, and where a symlink leads.
func lookAt(root, rel string) (*entry, error) {
	name := filepath.Join(root, rel)
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	e := &entry{Path: rel, Kind: kindOf(info.Mode()), MTime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.Mode, e.UID, e.GID, e.CTime = st.Mode&0o7777, st.Uid, st.Gid, st.Ctim.Nano()
		e.links, e.inode = uint64(st.Nlink), st.Ino //nolint:unconvert // its type is another one on other machines
	}
	switch e.Kind {
	case "file":
		e.Size = info.Size()
	case "symlink":
		target, err := os.Readlink(name)
		if err != nil {
			return nil, err
		}
		e.Link = []byte(target)
	}
	return e, nil
}

// before is the order of a walk: a folder, what is in it, then the next name.
func before(a, b string) bool {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		// "a/b" comes before "a.b": the slash ends a name.
		return a[i] == '/' || b[i] != '/' && a[i] < b[i]
	}
	return len(a) < len(b)
}

// walk visits root, as ".", and all below it, in order. A name that vanishes
// meanwhile is not visited. visit may return fs.SkipDir.
func walk(ctx context.Context, root string, visit func(*entry) error) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) && name != root {
			return nil
		}
		if err != nil {
			return err
		}
		rel := "."
		if name != root {
			rel = strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		}
		e, err := lookAt(root, rel)
		if errors.Is(err, fs.ErrNotExist) && rel != "." {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(e)
	})
}

// walkKept is walk without what is left out.
func walkKept(ctx context.Context, root string, m *exclude.Matcher, visit func(*entry) error) error {
	return walk(ctx, root, func(e *entry) error {
		verdict := exclude.Keep
		if e.Path != "." {
			verdict = m.Verdict(e.Path, e.Kind == "folder")
		}
		if verdict != exclude.Drop {
			if err := visit(e); err != nil {
				return err
			}
		}
		if verdict != exclude.Keep && e.Kind == "folder" {
			return fs.SkipDir
		}
		return nil
	})
}

// indexWriter writes an index.
type indexWriter struct {
	f    *os.File
	sum  hash.Hash
	buf  *bufio.Writer
	gz   *gzip.Writer
	json *json.Encoder
}

func createIndex(name string) (*indexWriter, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	w := &indexWriter{f: f, sum: sha256.New()}
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 1<<18)
	if w.gz, err = gzip.NewWriterLevel(w.buf, gzip.BestSpeed); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w.json = json.NewEncoder(w.gz)
	w.json.SetEscapeHTML(false)
	return w, nil
}

func (w *indexWriter) add(e entry) error {
	if !utf8.ValidString(e.Path) {
		e.Path, e.Raw = "", []byte(e.Path)
	}
	return w.json.Encode(e)
}

// close ends the index on disk and returns its SHA-256.
func (w *indexWriter) close() (string, error) {
	err := errors.Join(w.gz.Close(), w.buf.Flush(), w.f.Sync(), w.f.Close())
	return hex.EncodeToString(w.sum.Sum(nil)), err
}

// indexReader reads one in order. The zero value has nothing in it.
type indexReader struct {
	f    *os.File
	json *json.Decoder
	next *entry // read ahead by at
}

// openIndex opens an index. With a sum, the file must have it.
func openIndex(name, sum string) (*indexReader, error) {
	if sum != "" {
		found, err := sumFile(name)
		if err != nil {
			return nil, err
		}
		if found != sum {
			return nil, fmt.Errorf("its SHA-256 is %s, written was %s", found, sum)
		}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	gz, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<18))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &indexReader{f: f, json: json.NewDecoder(gz)}, nil
}

// read returns the next entry; nil at the end.
func (r *indexReader) read() (*entry, error) {
	if r.next != nil {
		e := r.next
		r.next = nil
		return e, nil
	}
	if r.json == nil {
		return nil, nil
	}
	e := &entry{}
	if err := r.json.Decode(e); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the index %s: %w", r.f.Name(), err)
	}
	if e.Raw != nil {
		e.Path, e.Raw = string(e.Raw), nil
	}
	return e, nil
}

// at returns the entry of a path, nil if there is none. Paths must be asked for
// in order. Those in between, that nobody asked for, are told to skipped.
func (r *indexReader) at(rel string, skipped func(*entry) error) (*entry, error) {
	for {
		e, err := r.read()
		switch {
		case err != nil || e == nil:
			return nil, err
		case e.Path == rel:
			return e, nil
		case rel != "." && (e.Path == "." || before(e.Path, rel)):
			if skipped != nil {
				if err := skipped(e); err != nil {
					return nil, err
				}
			}
		default:
			r.next = e
			return nil, nil
		}
	}
}

// rest tells all that is left.
func (r *indexReader) rest(skipped func(*entry) error) error {
	for {
		e, err := r.read()
		if err != nil || e == nil {
			return err
		}
		if err := skipped(e); err != nil {
			return err
		}
	}
}

func (r *indexReader) close() {
	if r.f != nil {
		_ = r.f.Close() // it was only read
	}
}

func sumFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
