package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// POSIX ACLs are kept by the kernel in extended attributes of a binary form,
// and by tar as text.
const (
	xattrACLAccess  = "system.posix_acl_access"
	xattrACLDefault = "system.posix_acl_default"
)

const aclVersion = 2

// The tags of the binary form, in the order that the kernel wants.
const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

const aclNobody = 0xffffffff // the id of entries that name nobody

var aclKinds = map[uint16]string{aclUserObj: "user", aclUser: "user", aclGroupObj: "group", aclGroup: "group", aclMask: "mask", aclOther: "other"}

// aclText is the text of an ACL, with numbers for accounts.
func aclText(raw []byte) (string, error) {
	if len(raw) < 4 || len(raw)%8 != 4 || binary.LittleEndian.Uint32(raw) != aclVersion {
		return "", fmt.Errorf("read the ACL: found %d bytes in a form that is not known", len(raw))
	}
	var lines []string
	for e := raw[4:]; len(e) > 0; e = e[8:] {
		tag, perm, id := binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])
		kind, ok := aclKinds[tag]
		if !ok || perm > 7 {
			return "", fmt.Errorf("read the ACL: found an entry with the tag %#x and the permissions %#o", tag, perm)
		}
		who := ""
		if tag == aclUser || tag == aclGroup {
			who = strconv.FormatUint(uint64(id), 10)
		}
		lines = append(lines, kind+":"+who+":"+permText(perm))
	}
	return strings.Join(lines, "\n") + "\n", nil
}

func permText(perm uint16) string {
	b := []byte("---")
	for i, c := range []byte("rwx") {
		if perm&(4>>i) != 0 {
			b[i] = c
		}
	}
	return string(b)
}

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

// aclBinary is the way back; other writers name accounts, which look finds.
func aclBinary(text string, look *accounts) ([]byte, error) {
	var entries []aclEntry
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ',' }) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		e, err := aclEntryOf(line, look)
		if err != nil {
			return nil, fmt.Errorf("read the ACL entry %.100q: %w", line, err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(entries, func(a, b aclEntry) int {
		if a.tag != b.tag {
			return int(a.tag) - int(b.tag)
		}
		return int(int64(a.id) - int64(b.id))
	})
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b, nil
}

// aclEntryOf reads "user:NAME:rwx", where star adds a fourth part with the id.
func aclEntryOf(line string, look *accounts) (e aclEntry, err error) {
	parts := strings.Split(line, ":")
	if len(parts) == 2 && (parts[0] == "mask" || parts[0] == "other" || parts[0] == "m" || parts[0] == "o") {
		parts = []string{parts[0], "", parts[1]}
	}
	if len(parts) < 3 || len(parts) > 4 {
		return e, fmt.Errorf("found %d parts, expected kind:name:permissions", len(parts))
	}
	who := parts[1]
	e.id = aclNobody
	find := look.uid
	switch parts[0] {
	case "user", "u":
		e.tag = aclUserObj
		if who != "" {
			e.tag = aclUser
		}
	case "group", "g":
		e.tag = aclGroupObj
		if who != "" {
			e.tag, find = aclGroup, look.gid
		}
	case "mask", "m":
		e.tag = aclMask
	case "other", "o":
		e.tag = aclOther
	default:
		return e, errors.New("expected user, group, mask or other")
	}
	if e.perm, err = permOf(parts[2]); err != nil {
		return e, err
	}
	if e.tag != aclUser && e.tag != aclGroup {
		return e, nil
	}
	if id, ok := find(who); ok {
		e.id = uint32(id)
		return e, nil
	}
	if len(parts) == 4 {
		who = parts[3]
	}
	id, err := strconv.ParseUint(who, 10, 32)
	if err != nil {
		return e, errors.New("there is no such account here")
	}
	e.id = uint32(id)
	return e, nil
}

func permOf(text string) (perm uint16, err error) {
	for _, c := range text {
		switch c {
		case 'r':
			perm |= 4
		case 'w':
			perm |= 2
		case 'x':
			perm |= 1
		case '-':
		default:
			return 0, fmt.Errorf("found the permission %q, expected r, w, x or -", c)
		}
	}
	return perm, nil
}
