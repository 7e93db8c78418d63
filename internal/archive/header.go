package archive

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers are written here, because archive/tar writes no sparse files, and
// costs a few allocations for each of a million members.

const sector = 512

// header is a member and what only its headers tell.
type header struct {
	Member
	records []record // further PAX records: extended attributes, ACLs
	sparse  []extent // nil for a file without holes
}

// record is one of a PAX header.
type record struct{ key, value string }

// The PAX records that are not of POSIX.
const (
	paxXattr      = "SCHILY.xattr."
	paxACLAccess  = "SCHILY.acl.access"
	paxACLDefault = "SCHILY.acl.default"
)

// mostRecords is how many bytes of PAX records a member may have: other readers
// take no more than a MiB.
const mostRecords = 1<<20 - 16<<10

// stored is how many bytes follow the headers, without padding.
func (h *header) stored() int64 {
	switch {
	case h.Type != File:
		return 0
	case h.sparse == nil:
		return h.Size
	}
	n := int64(len(sparseMap(h.sparse)))
	for _, e := range h.sparse {
		n += e.length
	}
	return n
}

// appendHeader appends the headers of a member.
func appendHeader(dst []byte, h *header) []byte {
	size := h.stored()
	name, link := memberName(&h.Member), h.Link
	var few [512]byte // enough for nearly all: no allocation for each member
	pax := few[:0]
	add := func(key, value string) { pax = appendRecord(pax, key, value) }
	if h.sparse != nil {
		// What an extractor that knows nothing of sparse files makes of it is
		// named so that nobody takes it for the file.
		add("GNU.sparse.major", "1")
		add("GNU.sparse.minor", "0")
		add("GNU.sparse.name", name)
		add("GNU.sparse.realsize", strconv.FormatInt(h.Size, 10))
		name = sparseName(name)
	}
	if len(name) > nameLen {
		add("path", name)
	}
	if len(link) > nameLen {
		add("linkpath", link)
	}
	if size > mostOctal(sizeLen) {
		add("size", strconv.FormatInt(size, 10))
	}
	if sec := h.ModTime.Unix(); h.ModTime.Nanosecond() != 0 || sec < 0 || sec > mostOctal(timeLen) {
		var text [32]byte
		add("mtime", string(appendTime(text[:0], h.ModTime)))
	}
	for _, id := range []struct {
		key   string
		value int
	}{{"uid", h.UID}, {"gid", h.GID}} {
		if int64(id.value) > mostOctal(idLen) {
			add(id.key, strconv.Itoa(id.value))
		}
	}
	if len(h.User) > ownerLen {
		add("uname", h.User)
	}
	if len(h.Group) > ownerLen {
		add("gname", h.Group)
	}
	for _, r := range h.records {
		add(r.key, r.value)
	}
	if len(pax) > 0 {
		x := ustar{name: paxName(name), mode: 0o644, size: int64(len(pax)), typ: 'x'}
		dst = x.append(dst)
		dst = append(dst, pax...)
		dst = append(dst, zeros[:padding(int64(len(pax)))]...)
	}
	u := ustar{
		name: name, mode: h.Mode, uid: int64(h.UID), gid: int64(h.GID), size: size, mtime: h.ModTime.Unix(), typ: typeflag(h.Type),
		link: link, user: h.User, group: h.Group, major: h.Major, minor: h.Minor,
	}
	return u.append(dst)
}

// memberName is a path as tar has it: folders end with a slash.
func memberName(m *Member) string {
	if m.Type == Dir {
		return m.Path + "/"
	}
	return m.Path
}

func typeflag(t Type) byte {
	switch t {
	case HardLink:
		return '1'
	case Symlink:
		return '2'
	case Char:
		return '3'
	case Block:
		return '4'
	case Dir:
		return '5'
	case FIFO:
		return '6'
	default:
		return '0'
	}
}

// Lengths of the fields of a ustar header; a number leaves room for its NUL.
const (
	nameLen  = 100
	ownerLen = 31
	idLen    = 7
	sizeLen  = 11
	timeLen  = 11
)

func mostOctal(digits int) int64 { return 1<<(3*digits) - 1 }

// ustar is one header block. What does not fit stands in PAX records before it.
type ustar struct {
	name, link, user, group string
	mode                    uint32
	uid, gid, size, mtime   int64
	typ                     byte
	major, minor            uint32
}

func (u *ustar) append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, zeros[:sector]...)
	b := dst[at:]
	copy(b[:nameLen], u.name)
	octal(b[100:107], int64(u.mode))
	octal(b[108:115], u.uid)
	octal(b[116:123], u.gid)
	octal(b[124:135], u.size)
	octal(b[136:147], u.mtime)
	b[156] = u.typ
	copy(b[157:157+nameLen], u.link)
	copy(b[257:], "ustar\x0000")
	copy(b[265:265+ownerLen], u.user)
	copy(b[297:297+ownerLen], u.group)
	octal(b[329:336], int64(u.major))
	octal(b[337:344], int64(u.minor))
	sum := int64(8 * ' ') // the sum's own field counts as spaces
	for _, c := range b {
		sum += int64(c)
	}
	octal(b[148:154], sum)
	b[155] = ' '
	return dst
}

// octal fills a field with digits; a number that does not fit is 0 here, and has
// a PAX record.
func octal(b []byte, n int64) {
	if n < 0 || n > mostOctal(len(b)) {
		n = 0
	}
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(n&7)
		n >>= 3
	}
}

// appendRecord appends "length key=value\n", where the length counts itself.
func appendRecord(dst []byte, key, value string) []byte {
	n := len(key) + len(value) + 3
	size := n + len(strconv.Itoa(n))
	if total := n + len(strconv.Itoa(size)); total != size {
		size = total
	}
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, ' ')
	dst = append(dst, key...)
	dst = append(dst, '=')
	dst = append(dst, value...)
	return append(dst, '\n')
}

// paxName is what the header of the records is called; nobody reads it.
func paxName(name string) string {
	base := strings.TrimSuffix(name, "/")
	base = base[strings.LastIndexByte(base, '/')+1:]
	full := "PaxHeaders/" + base
	return full[:min(len(full), nameLen)]
}

func sparseName(name string) string {
	at := strings.LastIndexByte(name, '/') + 1
	return name[:at] + "GNUSparseFile.0/" + name[at:]
}

// sparseMap is the map of the extents that stands before a sparse file's data.
func sparseMap(extents []extent) []byte {
	b := strconv.AppendInt(nil, int64(len(extents)), 10)
	b = append(b, '\n')
	for _, e := range extents {
		b = strconv.AppendInt(b, e.offset, 10)
		b = append(b, '\n')
		b = strconv.AppendInt(b, e.length, 10)
		b = append(b, '\n')
	}
	return append(b, zeros[:padding(int64(len(b)))]...)
}

// paxTime is seconds and their decimals.
func paxTime(t time.Time) string { return string(appendTime(nil, t)) }

// appendTime appends them.
func appendTime(dst []byte, t time.Time) []byte {
	sec, nsec := t.Unix(), int64(t.Nanosecond())
	if sec < 0 {
		dst = append(dst, '-')
		sec, nsec = -sec, -nsec
		if nsec < 0 {
			sec, nsec = sec-1, nsec+1e9
		}
	}
	dst = strconv.AppendInt(dst, sec, 10)
	if nsec == 0 {
		return dst
	}
	var digits [10]byte
	for i := len(digits) - 1; i > 0; i-- {
		digits[i] = '0' + byte(nsec%10)
		nsec /= 10
	}
	digits[0] = '.'
	return append(dst, bytes.TrimRight(digits[:], "0")...)
}

// padding is what fills n bytes up to whole sectors.
func padding(n int64) int64 { return -n & (sector - 1) }

var zeros [64 << 10]byte

// xattrKey is an attribute's name as GNU tar puts it into a key.
func xattrKey(name string) string {
	return paxXattr + strings.NewReplacer("%", "%25", "=", "%3D").Replace(name)
}

// xattrName is the way back.
func xattrName(key string) (string, bool) {
	name, ok := strings.CutPrefix(key, paxXattr)
	return strings.NewReplacer("%25", "%", "%3D", "=").Replace(name), ok && name != ""
}

// recordsSize is what the records take.
func recordsSize(all []record) int {
	n := 0
	for _, r := range all {
		n += len(r.key) + len(r.value) + 16
	}
	return n
}

func sortRecords(all []record) {
	slices.SortFunc(all, func(a, b record) int { return strings.Compare(a.key, b.key) })
}
