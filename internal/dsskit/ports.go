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
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("dsskit-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, nil, fmt.Errorf("find free ports: %w", err)
	}
	blocks := (lastPort - firstPort) / portsBlock
	first := rand.IntN(blocks)
	for i := range blocks {
		base = firstPort + (first+i)%blocks*portsBlock
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(base)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return 0, nil, fmt.Errorf("find free ports: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && allFree(base, count) {
			return base, func() { f.Close() }, nil
		}
		f.Close()
	}
	return 0, nil, errors.New("find free ports: every block is taken")
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
