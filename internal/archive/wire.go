package archive

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// The lines of an index.
const (
	indexFormat  = "dssctl archive index"
	indexVersion = 1
)

var compressionNames = map[Compression]string{Zstd: "zstd", Gzip: "gzip", None: "none"}

func compressionOf(name string) (Compression, error) {
	for c, n := range compressionNames {
		if n == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("found the compression %.40q, expected zstd, gzip or none", name)
}

type headRecord struct {
	Format      string `json:"format"`
	Version     int    `json:"version"`
	Compression string `json:"compression"`
}

type blockRecord struct {
	At, Stored, Raw int64
	CRC             uint32
}

type endRecord struct {
	End     bool   `json:"end"`
	Members int64  `json:"members"`
	Raw     int64  `json:"raw"`
	Stored  int64  `json:"stored"`
	SHA256  string `json:"sha256"`
}

// wire is any line but the first.
type wire struct {
	Path    string `json:"path"`
	Path64  []byte `json:"path_base64"`
	Type    Type   `json:"type"`
	Size    int64  `json:"size"`
	Mode    string `json:"mode"`
	MTime   string `json:"mtime"`
	UID     int    `json:"uid"`
	GID     int    `json:"gid"`
	User    string `json:"user"`
	Group   string `json:"group"`
	Link    string `json:"link"`
	Link64  []byte `json:"link_base64"`
	Major   uint32 `json:"major"`
	Minor   uint32 `json:"minor"`
	SHA256  string `json:"sha256"`
	At      int64  `json:"at"`
	Skip    int64  `json:"skip"`
	Stored  int64  `json:"stored"`
	Raw     int64  `json:"raw"`
	CRC     string `json:"crc32c"`
	End     bool   `json:"end"`
	Members int64  `json:"members"`
}

func readLine(b []byte) (w wire, err error) {
	err = json.Unmarshal(b, &w)
	return w, err
}

func appendBlock(b []byte, r blockRecord) []byte {
	return fmt.Appendf(b, `{"at":%d,"stored":%d,"raw":%d,"crc32c":"%08x"}`, r.At, r.Stored, r.Raw, r.CRC)
}

func appendMember(b []byte, m *Member) []byte {
	b = append(b, '{')
	b = appendPath(b, "path", m.Path)
	b = append(b, `,"type":"`...)
	b = append(b, m.Type...)
	b = append(b, '"')
	if m.Type == File {
		b = appendInt(b, "size", m.Size)
	}
	b = append(b, `,"mode":"`...)
	b = strconv.AppendUint(b, uint64(m.Mode), 8)
	b = append(b, `","mtime":"`...)
	b = appendTime(b, m.ModTime)
	b = append(b, '"')
	b = appendInt(b, "uid", int64(m.UID))
	b = appendInt(b, "gid", int64(m.GID))
	for _, s := range []struct{ name, value string }{{"user", m.User}, {"group", m.Group}, {"sha256", m.SHA256}} {
		if s.value != "" {
			b = append(b, `,"`...)
			b = append(b, s.name...)
			b = append(b, `":`...)
			b = appendString(b, s.value)
		}
	}
	if m.Link != "" {
		b = append(b, ',')
		b = appendPath(b, "link", m.Link)
	}
	if m.Type == Char || m.Type == Block {
		b = appendInt(b, "major", int64(m.Major))
		b = appendInt(b, "minor", int64(m.Minor))
	}
	b = appendInt(b, "at", m.Block)
	b = appendInt(b, "skip", m.Skip)
	return append(b, '}')
}

// mostBlock bounds what an index may say of a block.
const mostBlock = 64 << 20

func (w *wire) block() (r blockRecord, err error) {
	crc, err := strconv.ParseUint(w.CRC, 16, 32)
	if err != nil {
		return r, fmt.Errorf("found the checksum %.40q", w.CRC)
	}
	if w.At < 0 || w.Raw <= 0 || w.Raw > mostBlock || w.Stored <= 0 || w.Stored > mostBlock+mostBlock/8 {
		return r, fmt.Errorf("found a block of %d bytes for %d, at %d", w.Stored, w.Raw, w.At)
	}
	return blockRecord{At: w.At, Stored: w.Stored, Raw: w.Raw, CRC: uint32(crc)}, nil
}

func (w *wire) member() (m Member, err error) {
	m = Member{
		Path: w.Path, Type: w.Type, Size: w.Size, UID: w.UID, GID: w.GID, User: w.User, Group: w.Group, Link: w.Link,
		Major: w.Major, Minor: w.Minor, SHA256: w.SHA256, Block: w.At, Skip: w.Skip,
	}
	if w.Path64 != nil {
		m.Path = string(w.Path64)
	}
	if w.Link64 != nil {
		m.Link = string(w.Link64)
	}
	if err := checkPath(m.Path); err != nil {
		return m, err
	}
	if m.Size < 0 || m.Block < 0 || m.Skip < 0 || m.Skip > mostBlock {
		return m, fmt.Errorf("found %q of %d bytes, %d behind %d", m.Path, m.Size, m.Skip, m.Block)
	}
	if m.Type == File {
		if sum, err := hex.DecodeString(m.SHA256); err != nil || len(sum) != 32 {
			return m, fmt.Errorf("found the SHA-256 %.80q of %q", m.SHA256, m.Path)
		}
	}
	mode, err := strconv.ParseUint(w.Mode, 8, 12)
	if err != nil {
		return m, fmt.Errorf("found the mode %.20q of %q", w.Mode, m.Path)
	}
	m.Mode = uint32(mode)
	m.ModTime, err = parseTime(w.MTime)
	return m, err
}

// parseTime reads what paxTime writes.
func parseTime(text string) (time.Time, error) {
	whole, decimals, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(decimals) > 9 {
		return time.Time{}, fmt.Errorf("found the time %.40q", text)
	}
	nsec := uint64(0)
	if decimals != "" {
		nsec, err = strconv.ParseUint(decimals+"000000000"[len(decimals):], 10, 32)
		if err != nil {
			return time.Time{}, fmt.Errorf("found the time %.40q", text)
		}
	}
	if strings.HasPrefix(whole, "-") {
		return time.Unix(sec, -int64(nsec)), nil
	}
	return time.Unix(sec, int64(nsec)), nil
}

// checkPath holds a member's path to what Write makes of one: from the root, with
// no element that leads elsewhere.
func checkPath(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("%w: a member without a name", ErrRefused)
	case strings.ContainsRune(p, 0):
		return fmt.Errorf("%w: the name %.200q with a NUL in it", ErrRefused, p)
	case p[0] == '/':
		return fmt.Errorf("%w: the absolute path %.200q", ErrRefused, p)
	case p == ".." || strings.HasPrefix(p, "../") || strings.HasSuffix(p, "/..") || strings.Contains(p, "/../"):
		return fmt.Errorf("%w: the path %.200q leads out of the folder", ErrRefused, p)
	case path.Clean(p) != p:
		return fmt.Errorf("%w: the path %.200q is not plain", ErrRefused, p)
	}
	return nil
}
