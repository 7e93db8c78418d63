package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// extent is a part of a file that holds data.
type extent struct{ offset, length int64 }

// mostExtents bounds the map of a sparse file, which other readers hold in
// memory: beyond it holes are stored as the zeros that they read as.
const mostExtents = 10_000

// findExtents returns where a file of this size has data, nil when it has no
// holes. As GNU tar does it, an empty extent stands at the end of a last hole.
func findExtents(fd int, size int64) ([]extent, error) {
	var out []extent
	at := int64(0)
	for at < size {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole up to the end
		}
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
			return nil, nil
		}
		if err != nil {
			return nil, os.NewSyscallError("lseek", err)
		}
		hole, err := unix.Seek(fd, data, unix.SEEK_HOLE)
		if errors.Is(err, unix.ENXIO) {
			break // it has become shorter; reading it will tell
		}
		if err != nil {
			return nil, os.NewSyscallError("lseek", err)
		}
		if data = min(data, size); data == size {
			break
		}
		hole = min(hole, size)
		if len(out) >= mostExtents {
			last := &out[len(out)-1]
			last.length = hole - last.offset
		} else {
			out = append(out, extent{data, hole - data})
		}
		at = hole
	}
	if len(out) == 1 && out[0] == (extent{0, size}) || size == 0 {
		return nil, nil
	}
	if n := len(out); n == 0 || out[n-1].offset+out[n-1].length < size {
		out = append(out, extent{size, 0})
	}
	return out, nil
}
