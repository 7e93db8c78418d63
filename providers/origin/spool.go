package origin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
)

const (
	// keepFree is the room that an archive never takes: DSS is often on the same
	// file system, and does not survive a full one.
	keepFree = 256 << 20
	// askEvery is how much is written between two looks at the room.
	askEvery = 32 << 20
)

// spool is the file that an archive is on its way in, for the account alone.
type spool struct {
	*os.File
	free  func(dir string) (int64, error)
	tell  func(n int64)
	n     int64
	asked int64 // n at the last look at the room
}

// newSpool makes the file, in place of one that was broken off.
func newSpool(path string, free func(string) (int64, error), tell func(int64)) (*spool, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &spool{File: f, free: free, tell: tell}, nil
}

// room makes sure that more bytes leave the file system usable.
func (s *spool) room(more int64) error {
	dir := filepath.Dir(s.Name())
	free, err := s.free(dir)
	if err == nil && free-more < keepFree {
		err = fmt.Errorf("%s are free at %s, and the archive needs %s more besides the %s that are kept free: make room there, or set companion_dir of the new instance to a folder on a larger file system",
			humanize.Bytes(free), dir, humanize.Bytes(more), humanize.Bytes(keepFree))
	}
	return err
}

func (s *spool) Write(p []byte) (int, error) {
	if s.n-s.asked >= askEvery || s.n == 0 {
		if err := s.room(int64(len(p))); err != nil {
			return 0, err
		}
		s.asked = s.n
	}
	n, err := s.File.Write(p)
	s.n += int64(n)
	s.tell(s.n)
	return n, err
}

// discard closes and removes the file, and the folders above that it was alone
// in.
func (s *spool) discard() error { return errors.Join(s.Close(), removeSpool(s.Name())) }

func removeSpool(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for range 2 {
		path = filepath.Dir(path)
		if os.Remove(path) != nil {
			break // somebody else's is in it, or it is gone
		}
	}
	return nil
}

const (
	zipBegin = "PK\x03\x04"
	zipEnd   = "PK\x05\x06"
	// The end of an archive: its record and a comment of at most 64 KiB.
	zipEndRecord, zipEndMost = 22, 22 + 1<<16 - 1
)

// wholeZip makes sure that a file is a zip archive and has its end, without
// reading the directory, which may be long: an answer that broke off can look
// like one that has ended.
func wholeZip(r io.ReaderAt, size int64) error {
	head := make([]byte, len(zipBegin))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(head) != zipBegin {
		return errors.New("what came is no zip archive with something in it")
	}
	end := make([]byte, min(size, zipEndMost))
	if _, err := r.ReadAt(end, size-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for i := strings.LastIndex(string(end), zipEnd); i >= 0; i = strings.LastIndex(string(end[:i]), zipEnd) {
		// The comment's length is the record's last member.
		if rest := len(end) - i - zipEndRecord; rest >= 0 && int(end[i+20])|int(end[i+21])<<8 == rest {
			return nil
		}
	}
	return fmt.Errorf("the archive broke off after %s: it has no end", humanize.Bytes(size))
}
