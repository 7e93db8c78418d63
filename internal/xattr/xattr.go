// Package xattr reads the extended attributes of files, ACLs among them.
package xattr

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// List returns the names of the attributes that this account may see. A symlink
// is not followed. A file system without attributes has none.
func List(path string) ([]string, error) {
	list, err := Sized(func(b []byte) (int, error) { return unix.Llistxattr(path, b) })
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil, nil
	}
	return Names(list), err
}

// Get returns the value of an attribute; unix.ENODATA when there is none of the
// name, or none any more. A symlink is not followed.
func Get(path, name string) ([]byte, error) {
	return Sized(func(b []byte) (int, error) { return unix.Lgetxattr(path, name, b) })
}

// Names are those in a list as the system gives it: each ends with a NUL.
func Names(list []byte) []string {
	var out []string
	for name := range bytes.SplitSeq(list, []byte{0}) {
		if len(name) > 0 {
			out = append(out, string(name))
		}
	}
	return out
}

// Sized calls read first for the size, then for the bytes, and again while the
// size grows in between.
func Sized(read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		n, err = read(b)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}
