package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// keep is how much of the beginning, and of the end, of an output is captured.
const keep = 64 << 10

// openOutput returns a file without a name: gone when the last process that
// has it open ends, whatever happens to dssctl.
func openOutput(dir string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "output"), nil
	}
	if f, err := os.CreateTemp(dir, "dssctl-output-"); err == nil {
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return nil, fmt.Errorf("open a file for the output: %w", err)
		}
		return f, nil
	}
	// The folder is full, read-only or not there: memory still is.
	fd, errMem := unix.MemfdCreate("dssctl-output", unix.MFD_CLOEXEC)
	if errMem != nil {
		return nil, fmt.Errorf("open a file for the output: in %s: %w; in memory: %w", dir, err, errMem)
	}
	return os.NewFile(uintptr(fd), "output"), nil
}

// capture returns the head and the tail of what was written, with a line in
// between that says how much is left out.
func capture(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if size <= 2*keep {
		return readRange(f, 0, size)
	}
	head, err := readRange(f, 0, keep)
	if err != nil {
		return nil, err
	}
	tail, err := readRange(f, size-keep, keep)
	if err != nil {
		return nil, err
	}
	// Whole lines where there are any: half a line could be taken for one,
	// and half a secret would not be recognized.
	if i := bytes.IndexByte(tail, '\n'); i >= 0 {
		tail = tail[i+1:]
	}
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	left := size - int64(len(head)) - int64(len(tail))
	if !bytes.HasSuffix(head, []byte{'\n'}) {
		head = append(head, '\n')
	}
	out := fmt.Appendf(head, "... %d bytes left out ...\n", left)
	return append(out, tail...), nil
}

func readRange(f *os.File, at, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}
