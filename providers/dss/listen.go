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
	all, err := listenSockets(dir)
	if err != nil {
		return nil, err
	}
	out := map[int]bool{}
	for _, s := range all {
		out[s.port] = true
	}
	return out, nil
}

// listenSocket is a TCP socket that takes connections.
type listenSocket struct {
	port  int
	uid   int    // of the account that made it
	inode uint64 // by which a process that has it open is found
}

func listenSockets(dir string) ([]listenSocket, error) {
	var out []listenSocket
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
			if s, ok := listener(lines.Text()); ok {
				out = append(out, s)
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
//	0: 0100007F:2BC0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001 0 34567 …
func listener(text string) (listenSocket, bool) {
	f := strings.Fields(text)
	if len(f) < 4 || f[3] != stateListen {
		return listenSocket{}, false
	}
	_, hex, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	s := listenSocket{port: int(n), uid: -1}
	if len(f) > 9 {
		if uid, err := strconv.Atoi(f[7]); err == nil {
			s.uid = uid
		}
		s.inode, _ = strconv.ParseUint(f[9], 10, 64) // 0 belongs to nobody
	}
	return s, err == nil
}
