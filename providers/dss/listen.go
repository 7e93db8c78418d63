package dss

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Listeners returns the TCP ports that some process of this machine listens on,
// read from the kernel's lists in dir (/proc/net). A machine without IPv6 has
// one list only.
func Listeners(dir string) (map[int]bool, error) {
	out := map[int]bool{}
	for _, name := range []string{"tcp", "tcp6"} {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && name == "tcp6" {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		lines.Scan() // the head
		for lines.Scan() {
			if port, ok := listener(lines.Text()); ok {
				out[port] = true
			}
		}
		err = lines.Err()
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return out, nil
}

// stateListen is TCP_LISTEN.
const stateListen = "0A"

// listener reads a line such as
//
//	0: 0100007F:2BC0 00000000:0000 0A 00000000:00000000 …
func listener(text string) (port int, ok bool) {
	f := strings.Fields(text)
	if len(f) < 4 || f[3] != stateListen {
		return 0, false
	}
	_, hex, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	return int(n), err == nil
}
