package archive

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// target is what gets attributes: an open file or folder, or a name in a folder.
type target struct {
	fd     int // -1 where it cannot be opened, as a symlink
	dir    int
	name   string
	locked bool // the placer's lock is held
}

// attributes gives a file its owner, time, extended attributes, mode and ACLs. The
// order matters: a new owner takes setuid bits and capabilities away, and a mode
// or ACL may forbid the rest.
func (p *placer) attributes(t target, f *found) error {
	mode := f.Mode
	if p.o.Owners {
		uid, gid := f.UID, f.GID
		if id, ok := p.look.uid(f.User); ok && f.User != "" {
			uid = id
		}
		if id, ok := p.look.gid(f.Group); ok && f.Group != "" {
			gid = id
		}
		if err := t.chown(uid, gid); err != nil {
			return fmt.Errorf("give it to %d:%d (which needs root): %w", uid, gid, err)
		}
	} else if f.Type == File && mode&0o6000 != 0 && (f.UID != os.Geteuid() || f.GID != os.Getegid()) {
		// It would run as somebody else than it did.
		mode &^= 0o6000
		p.note(t, f.Path+": its setuid and setgid bits, as its owner is not restored")
	}
	if err := t.utimes(f.ModTime); err != nil {
		return fmt.Errorf("set its time: %w", err)
	}
	for key, value := range f.records {
		if name, ok := xattrName(key); ok {
			if err := p.attribute(t, f, name, []byte(value)); err != nil {
				return err
			}
		}
	}
	if f.Type == Symlink {
		return nil
	}
	if err := t.chmod(mode); err != nil {
		return fmt.Errorf("set its mode: %w", err)
	}
	for _, a := range []struct{ key, name string }{{paxACLAccess, xattrACLAccess}, {paxACLDefault, xattrACLDefault}} {
		raw, err := aclBinary(f.records[a.key], p.look)
		if err != nil {
			p.note(t, f.Path+": "+err.Error())
		} else if raw != nil {
			if err := p.attribute(t, f, a.name, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// note adds to what is left out.
func (p *placer) note(t target, text string) {
	if !t.locked {
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	p.leftOut.add(text)
}

// attribute sets an extended attribute or ACL. What the file system or the kernel
// does not allow here is noted.
func (p *placer) attribute(t target, f *found, name string, value []byte) error {
	err := t.setxattr(name, value)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EPERM), strings.HasPrefix(name, "system."):
		p.note(t, fmt.Sprintf("%s: its attribute %.100q (%v)", f.Path, name, err))
		return nil
	}
	return fmt.Errorf("set its attribute %.100q: %w", name, err)
}

func (t target) chown(uid, gid int) error {
	if t.fd >= 0 {
		return unix.Fchown(t.fd, uid, gid)
	}
	return unix.Fchownat(t.dir, t.name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}

func (t target) chmod(mode uint32) error {
	if t.fd >= 0 {
		return unix.Fchmod(t.fd, mode)
	}
	// A FIFO or a device, which was made just now: there is no symlink to follow.
	return unix.Fchmodat(t.dir, t.name, mode, 0)
}

func (t target) setxattr(name string, value []byte) error {
	if t.fd >= 0 {
		return unix.Fsetxattr(t.fd, name, value, 0)
	}
	return unix.Lsetxattr("/proc/self/fd/"+strconv.Itoa(t.dir)+"/"+t.name, name, value, 0)
}

func (t target) utimes(at time.Time) error {
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	times := []unix.Timespec{ts, ts}
	if t.name == "" {
		return unix.UtimesNanoAt(t.fd, ".", times, 0)
	}
	return unix.UtimesNanoAt(t.dir, t.name, times, unix.AT_SYMLINK_NOFOLLOW)
}

// remember takes what a folder has, to give it back.
func remember(d *outFolder) (*found, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return nil, err
	}
	f := &found{}
	f.Path, f.Type, f.Mode = d.path, Dir, st.Mode&0o7777
	f.UID, f.GID = int(st.Uid), int(st.Gid)
	f.ModTime = time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)) //nolint:unconvert // int32 on some machines
	return f, nil
}
