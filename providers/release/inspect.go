package release

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/dssctl/dssctl/internal/event"
)

// inspected is what a kit's archive holds, told without unpacking anything.
type inspected struct {
	SHA256  string
	Members int64
	Bytes   int64 // of all files
	Version string
}

// What an archive may hold at the most; a kit has some GB in some 100,000 files.
const (
	mostMembers = 5_000_000
	mostBytes   = 200 << 30
)

// inspect reads the whole archive once: its checksum, that all of it stands in
// the kit's folder, its size when unpacked, and the version it says it is of.
// The checksum is compared before anything else is said of it.
func inspect(ctx context.Context, archive, folder, sum string, tell func(event.Progress)) (inspected, error) {
	f, err := os.Open(archive)
	if err != nil {
		return inspected{}, fmt.Errorf("verify the archive: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return inspected{}, fmt.Errorf("verify the archive: %w", err)
	}
	hash := sha256.New()
	in := &counted{ctx: ctx, in: io.TeeReader(f, hash), total: info.Size(), tell: tell}
	out, readErr := readKit(bufio.NewReaderSize(in, 1<<20), folder)
	// The rest, also of one that is no archive: the checksum says more.
	if _, err := io.Copy(io.Discard, in); err != nil && readErr == nil {
		readErr = err
	}
	if ctx.Err() != nil {
		return inspected{}, context.Cause(ctx)
	}
	out.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if sum != "" && out.SHA256 != sum {
		return out, fmt.Errorf("verify %s: its SHA-256 is\n  %s, and the declared one is\n  %s: it is damaged, or another archive; get it again, and compare the checksum with where you got it", archive, out.SHA256, sum)
	}
	if readErr != nil {
		return out, fmt.Errorf("verify %s: %w", archive, readErr)
	}
	return out, nil
}

// readKit reads the members.
func readKit(r io.Reader, folder string) (out inspected, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return out, fmt.Errorf("it is no tar.gz: %w", err)
	}
	installer := false
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, fmt.Errorf("read the tar: %w", err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		rel, err := inside(h.Name, folder)
		if err != nil {
			return out, err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			out.Bytes += h.Size
		case tar.TypeDir, tar.TypeSymlink:
		case tar.TypeLink:
			if _, err := inside(h.Linkname, folder); err != nil {
				return out, fmt.Errorf("the hard link %.200q leads out of the kit", h.Name)
			}
		default:
			return out, fmt.Errorf("%.200q is a special file, which no kit has", h.Name)
		}
		if out.Members++; out.Members > mostMembers || out.Bytes > mostBytes || out.Bytes < 0 {
			return out, errors.New("it unpacks to more than a kit can be")
		}
		switch rel {
		case installerFile:
			installer = h.Typeflag == tar.TypeReg
		case versionFile:
			raw, err := io.ReadAll(io.LimitReader(t, mostVersion))
			if err == nil {
				out.Version, err = parseKitVersion(bytes.TrimSpace(raw))
			}
			if err != nil {
				return out, err
			}
		}
	}
	switch {
	case !installer:
		return out, fmt.Errorf("it has no %s/%s: it is no kit of DSS", folder, installerFile)
	case out.Version == "":
		return out, fmt.Errorf("it has no %s/%s: it is no kit of DSS", folder, versionFile)
	}
	return out, nil
}

// inside returns a member's path in the kit's folder.
func inside(name, folder string) (string, error) {
	clean := path.Clean(name)
	switch {
	case path.IsAbs(name), clean == "..", strings.HasPrefix(clean, "../"), strings.ContainsRune(name, 0):
		return "", fmt.Errorf("the member %.200q leaves its folder: the archive is refused", name)
	case clean == folder, clean == ".":
		return "", nil
	}
	rel, ok := strings.CutPrefix(clean, folder+"/")
	if !ok {
		top, _, _ := strings.Cut(clean, "/")
		return "", fmt.Errorf("it unpacks to %.100q, and the declared version unpacks to %q: it is the archive of another version, or of something else", top, folder)
	}
	return rel, nil
}

// counted tells how far the reading is, and ends with the context.
type counted struct {
	ctx         context.Context
	in          io.Reader
	done, total int64
	told        int64
	tell        func(event.Progress)
}

func (c *counted) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.in.Read(b)
	if c.done += int64(n); c.tell != nil && c.done-c.told >= 8<<20 {
		c.told = c.done
		c.tell(event.Progress{Done: c.done, Total: c.total, Unit: "bytes", Note: "verifying the archive"})
	}
	return n, err
}
