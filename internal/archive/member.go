package archive

import (
	"archive/tar"
	"fmt"
	"path"
	"strings"
)

// found is a member as the tar has it.
type found struct {
	Member
	records map[string]string
	sparse  bool
}

// memberOf takes over a header. It refuses names that lead elsewhere, and what is
// no file, folder, link, FIFO or device.
func memberOf(h *tar.Header) (f found, err error) {
	f.Member = Member{
		Path: plain(h.Name), Size: h.Size, Mode: uint32(h.Mode & 0o7777), ModTime: h.ModTime, UID: h.Uid, GID: h.Gid,
		User: h.Uname, Group: h.Gname, Link: h.Linkname,
	}
	f.records = h.PAXRecords
	if err := checkPath(f.Path); err != nil {
		return f, err
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont:
		f.Type = File
	case tar.TypeGNUSparse:
		f.Type, f.sparse = File, true
	case tar.TypeLink:
		f.Type, f.Link = HardLink, plain(h.Linkname)
		if err := checkPath(f.Link); err != nil {
			return f, fmt.Errorf("%.200q is a hard link: %w", f.Path, err)
		}
	case tar.TypeSymlink:
		f.Type = Symlink
	case tar.TypeDir:
		f.Type = Dir
	case tar.TypeFifo:
		f.Type = FIFO
	case tar.TypeChar:
		f.Type = Char
	case tar.TypeBlock:
		f.Type = Block
	default:
		return f, fmt.Errorf("%w: %.200q has the type %q, which is none of files, folders, links, FIFOs and devices", ErrRefused, f.Path, h.Typeflag)
	}
	if _, ok := h.PAXRecords["GNU.sparse.major"]; ok {
		f.sparse = true
	}
	if f.Type == Char || f.Type == Block {
		f.Major, f.Minor = uint32(h.Devmajor), uint32(h.Devminor)
	}
	if f.Type == Symlink && (f.Link == "" || strings.ContainsRune(f.Link, 0)) {
		return f, fmt.Errorf("%w: the symlink %.200q leads to %.200q", ErrRefused, f.Path, f.Link)
	}
	if f.Path == "." && f.Type != Dir {
		return f, fmt.Errorf("%w: the root itself is a %s", ErrRefused, f.Type)
	}
	if f.Size < 0 || h.Uid < 0 || h.Gid < 0 || h.Devmajor < 0 || h.Devminor < 0 {
		return f, fmt.Errorf("%w: %.200q has negative numbers in its header", ErrRefused, f.Path)
	}
	return f, nil
}

// plain strips what other writers put around a path, such as "./" before it. A
// path that leads elsewhere still does.
func plain(name string) string {
	for element := range strings.SplitSeq(name, "/") {
		if element == ".." {
			return name
		}
	}
	if name == "" {
		return name
	}
	return path.Clean(name)
}

// compare says how a member differs from what the index says.
func (f *found) compare(m Member) error {
	differ := func(what string, got, expected any) error {
		return fmt.Errorf("%w: %.200q has the %s %v, and in the index %v", ErrDamaged, f.Path, what, got, expected)
	}
	switch {
	case f.Path != m.Path:
		return differ("name", f.Path, m.Path)
	case f.Type != m.Type:
		return differ("type", f.Type, m.Type)
	case f.Size != m.Size:
		return differ("size", f.Size, m.Size)
	case f.Mode != m.Mode:
		return differ("mode", f.Mode, m.Mode)
	case !f.ModTime.Equal(m.ModTime):
		return differ("time", paxTime(f.ModTime), paxTime(m.ModTime))
	case f.UID != m.UID || f.GID != m.GID || f.User != m.User || f.Group != m.Group:
		return differ("owner", [4]any{f.UID, f.GID, f.User, f.Group}, [4]any{m.UID, m.GID, m.User, m.Group})
	case f.Link != m.Link:
		return differ("link", f.Link, m.Link)
	case f.Major != m.Major || f.Minor != m.Minor:
		return differ("device", [2]uint32{f.Major, f.Minor}, [2]uint32{m.Major, m.Minor})
	}
	return nil
}
