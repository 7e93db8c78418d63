package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// whatToDo is the advice to whoever archives what is written to.
const whatToDo = "stop what writes there, leave it out, or archive it as something that may change"

// reader looks at members and reads them, ahead of their turn.
type reader struct {
	ctx       context.Context
	src       *Source
	accounts  *accounts
	notes     *notes
	allocated *atomic.Int64
	// chunks that are free. What it sends comes back when the archive has it; all
	// that is away belongs to members that stand before the one it reads, so that
	// readers never wait for each other.
	chunks chan []byte
	// names is room for those of extended attributes.
	names [512]byte
}

func newReader(ctx context.Context, src *Source, a *accounts, n *notes, allocated *atomic.Int64) *reader {
	r := &reader{ctx: ctx, src: src, accounts: a, notes: n, allocated: allocated, chunks: make(chan []byte, readerChunks)}
	for range readerChunks {
		r.chunks <- nil // made when it is needed
	}
	return r
}

func (r *reader) run(work <-chan *job) error {
	for j := range work {
		dir := j.dir // the job is another's when it is read
		if r.ctx.Err() == nil {
			r.read(j)
		}
		dir.release()
	}
	return nil
}

// read fills the job, and sends the content after it when that is large.
func (r *reader) read(j *job) {
	large := -1
	switch {
	case j.name == "":
		r.fill(j, &j.dir.stat)
		r.attributes(j, xattrsOf(j.dir.fd))
	case j.typ.IsRegular():
		large = r.file(j, unix.O_NOFOLLOW)
	case j.typ == followed:
		large = r.file(j, 0)
	default:
		r.other(j)
	}
	if large < 0 {
		j.ready <- struct{}{}
		return
	}
	defer unix.Close(large)
	j.chunks, j.back = make(chan []byte, readerChunks), r.chunks
	defer close(j.chunks)
	wait := j.names() > 1
	j.ready <- struct{}{}
	if wait {
		select {
		case wanted := <-j.wanted:
			if !wanted {
				return
			}
		case <-r.ctx.Done():
			return
		}
	}
	r.stream(j, large)
}

func (r *reader) fail(j *job, err error) {
	j.err = fmt.Errorf("archive %s: %w", filepath.Join(r.src.Root, j.Path), err)
}

// vary notes that a member changed, which is an error where nothing may. left
// says that it cannot be archived.
func (r *reader) vary(j *job, how string, left bool) {
	if !r.src.Tolerant {
		r.fail(j, fmt.Errorf("it %w: %s; %s", ErrChanged, how, whatToDo))
		return
	}
	j.changed = how
	if left {
		j.left = how
	}
}

// other fills the job of what is no regular file.
func (r *reader) other(j *job) {
	var st unix.Stat_t
	if err := unix.Fstatat(j.dir.fd, j.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(err, unix.ENOENT) {
			r.vary(j, "it vanished", true)
		} else {
			r.fail(j, err)
		}
		return
	}
	r.fill(j, &st)
	switch j.Type {
	case "":
		j.left = "a socket"
		return
	case File, Dir:
		r.vary(j, "it has become a "+string(j.Type), true)
		return
	case Symlink:
		to, err := readlink(j.dir.fd, j.name)
		if err != nil {
			r.fail(j, err)
			return
		}
		j.Link = to
	case Char, Block:
		j.Major, j.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)) //nolint:unconvert // uint32 on some machines
	}
	r.attributes(j, xattrsAt("/proc/self/fd/"+strconv.Itoa(j.dir.fd)+"/"+j.name))
}

func readlink(dir int, name string) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, b)
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// fill takes over what stat says.
func (r *reader) fill(j *job, st *unix.Stat_t) {
	j.stat = *st
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		j.Type, j.Size = File, st.Size
	case unix.S_IFDIR:
		j.Type = Dir
	case unix.S_IFLNK:
		j.Type = Symlink
	case unix.S_IFIFO:
		j.Type = FIFO
	case unix.S_IFCHR:
		j.Type = Char
	case unix.S_IFBLK:
		j.Type = Block
	}
	j.Mode = st.Mode & 0o7777
	j.ModTime = time.Unix(int64(st.Mtim.Sec), int64(st.Mtim.Nsec)) //nolint:unconvert // int32 on some machines
	j.UID, j.GID = int(st.Uid), int(st.Gid)
	j.User, j.Group = r.accounts.user(j.UID), r.accounts.group(j.GID)
}

// attributes reads the extended ones.
func (r *reader) attributes(j *job, x xattrs) {
	records, err := x.records(r.names[:])
	switch {
	case errors.Is(err, unix.ENOENT):
		r.vary(j, "it vanished", true)
	case err != nil:
		r.fail(j, err)
	case recordsSize(records) > mostRecords:
		r.notes.leave(fmt.Sprintf("%s: its extended attributes, which take %d bytes, more than a tar may hold (%d)", j.Path, recordsSize(records), mostRecords))
	default:
		j.records = records
	}
}
