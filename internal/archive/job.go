package archive

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

const (
	// smallFile is up to what size a file is read whole, ahead of its turn.
	smallFile = 64 << 10
	// chunkSize is by what larger ones are streamed, and readerChunks how many
	// chunks a reader has.
	chunkSize    = 256 << 10
	readerChunks = 3
	// window is how many members are on their way.
	window = 256
)

// followed is the type of a job for a regular file that a symbolic link leads to.
const followed = fs.ModeSymlink | fs.ModeIrregular

// job is a member on its way from the walker to the archive. Jobs are used
// again, with their buffers.
type job struct {
	dir  *folder
	name string // "" is the folder itself
	typ  fs.FileMode

	// What the reader found, once it is ready.
	header
	stat    unix.Stat_t
	left    string // why it is not archived; "" when it is
	changed string // how it changed
	content []byte // of a small file
	err     error
	ready   chan struct{}

	// A large file's content comes in chunks, which go back to their reader. What
	// is found last (err, changed, SHA256) counts once chunks is closed. A file
	// with several names is read only when it is wanted.
	chunks chan []byte
	back   chan []byte
	wanted chan bool

	buf []byte
}

func newJob() *job {
	return &job{ready: make(chan struct{}, 1), wanted: make(chan bool, 1)}
}

func (j *job) reset(d *folder, name string, typ fs.FileMode) {
	*j = job{dir: d, name: name, typ: typ, ready: j.ready, wanted: j.wanted, buf: j.buf}
	j.Path = d.path
	if name != "" {
		j.Path = d.join(name)
	}
}

// room is a buffer of n bytes, and how much larger it had to be made.
func (j *job) room(n int64) (b []byte, grown int64) {
	if int64(cap(j.buf)) < n {
		before := cap(j.buf)
		size := 4096
		for int64(size) < n {
			size *= 2
		}
		j.buf = make([]byte, size)
		grown = int64(size - before)
	}
	return j.buf[:n], grown
}

// inode is what all names of a file have in common.
type inode struct{ dev, ino uint64 }

func (j *job) inode() inode {
	return inode{uint64(j.stat.Dev), j.stat.Ino} //nolint:unconvert // int32 on some machines
}

// names is how many names the file has.
func (j *job) names() int64 {
	if j.Type == Dir {
		return 1
	}
	return int64(j.stat.Nlink) //nolint:unconvert // int32 on some machines
}
