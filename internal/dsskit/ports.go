package dsskit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Blocks of ports lie below those that the kernel hands out by itself.
const (
	firstPort  = 20000
	lastPort   = 32000
	portsBlock = 10
)

// FreePorts finds count consecutive free TCP ports, at most ten, and holds them against other callers of FreePorts,
// also in other processes, until release is called or this process ends.
func FreePorts(count int) (base int, release func(), err error) {
	if count < 1 || count > portsBlock {
		return 0, nil, fmt.Errorf("find free ports: %d asked for, at most %d at once", count, portsBlock)
	}
	blocks := (lastPort - firstPort) / portsBlock
	first := rand.IntN(blocks)
	for i := range blocks {
		base = firstPort + (first+i)%blocks*portsBlock
		release, err = claimBlock(base)
		if err != nil {
			return 0, nil, fmt.Errorf("find free ports: %w", err)
		}
		if release == nil {
			continue
		}
		if allFree(base, count) {
			return base, release, nil
		}
		release()
	}
	return 0, nil, errors.New("find free ports: every block is taken")
}

// claimBlock locks the file that stands for a block, and returns nil where somebody else has it.
func claimBlock(base int) (release func(), err error) {
	// Not in TMPDIR: packages tested side by side have one each, and the ports in common.
	dir := fmt.Sprintf("/tmp/dsskit-ports-%d", os.Getuid())
	path := filepath.Join(dir, fmt.Sprint(base))
	var f *os.File
	for range 10 {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		// The last to release a block takes the folder away, perhaps just now.
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !sameFile(f, path) {
		f.Close()
		return nil, nil
	}
	return func() {
		os.Remove(path)
		f.Close()
		os.Remove(dir)
	}, nil
}

// sameFile tells whether an opened file still is the one of that path: its owner may have removed it meanwhile.
func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func allFree(base, count int) bool {
	for port := base; port < base+count; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
