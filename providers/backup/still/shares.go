package still

import (
	"os"

	"golang.org/x/sys/unix"
)

// SharesBlocks reports whether a copy of the file in the folder can share its
// blocks, as CopyTree then does. It is tried, with a file that has no name.
func SharesBlocks(file, folder string) bool {
	src, err := os.Open(file)
	if err != nil {
		return false
	}
	defer src.Close()
	dst, err := os.OpenFile(folder, unix.O_TMPFILE|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	defer dst.Close()
	return shareBlocks(dst, src) == nil
}
