package killpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call is a system call that begins.
type call struct {
	pid  int
	nr   uint64
	args [6]uint64
}

// syscallInfo is the kernel's ptrace_syscall_info, as far as it is used.
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	_    uint32 // arch
	_    uint64 // instruction pointer
	_    uint64 // stack pointer
	nr   uint64
	args [6]uint64
	_    uint64
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, Linux 5.3
	opEntry        = 1
)

// point says what the thread is about to change; false for nothing.
func (t *tracee) point(tid int) (Point, bool, error) {
	info, e := ask(tid)
	switch {
	case e == unix.ESRCH:
		return Point{}, false, nil
	case e != 0:
		return Point{}, false, fmt.Errorf("ask for the system call of thread %d: %w", tid, e)
	case info.op != opEntry:
		return Point{}, false, nil
	}
	p, ok, err := call{t.pid, info.nr, info.args}.point()
	if err != nil {
		// Killed while it was looked at, by the clock: its memory is gone.
		if _, e := ask(tid); e == unix.ESRCH {
			return Point{}, false, nil
		}
	}
	return p, ok, err
}

// ask asks for the system call that a thread stands at; ESRCH when it does not
// stand still any more.
func ask(tid int) (info syscallInfo, e unix.Errno) {
	_, _, e = unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	return info, e
}

// atPath are the calls with a folder and a path below it.
var atPath = map[uint64]string{
	unix.SYS_UNLINKAT: "remove", unix.SYS_MKDIRAT: "mkdir", unix.SYS_FCHMODAT: "chmod", unix.SYS_FCHOWNAT: "chown",
	unix.SYS_UTIMENSAT: "time", unix.SYS_MKNODAT: "mknod",
}

// onFile are the calls on an open file.
var onFile = map[uint64]string{
	unix.SYS_FCHMOD: "chmod", unix.SYS_FCHOWN: "chown", unix.SYS_FTRUNCATE: "truncate", unix.SYS_FALLOCATE: "allocate",
	unix.SYS_FSETXATTR: "setxattr",
}

func (c call) point() (Point, bool, error) {
	if name, ok := atPath[c.nr]; ok {
		return c.named(name, 0, 1)
	}
	if name, ok := onFile[c.nr]; ok {
		what := c.file(c.args[0])
		return Point{Call: name, What: what}, !nameless(what), nil
	}
	switch c.nr {
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		return c.named("rename", 2, 3)
	case unix.SYS_LINKAT:
		return c.named("link", 2, 3)
	case unix.SYS_SYMLINKAT:
		return c.named("symlink", 1, 2)
	case unix.SYS_OPENAT:
		// A file without a name (O_TMPFILE) is the process's own until it is linked.
		if flags := c.args[2]; flags&(unix.O_CREAT|unix.O_TRUNC) == 0 {
			return Point{}, false, nil
		}
		return c.named("create", 0, 1)
	case unix.SYS_IOCTL:
		return Point{Call: "clone", What: c.file(c.args[0])}, c.args[1] == unix.FICLONE, nil
	case unix.SYS_COPY_FILE_RANGE:
		return Point{Call: "write", What: c.file(c.args[2])}, true, nil
	case unix.SYS_SENDFILE, unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SPLICE:
		return c.write()
	case unix.SYS_CLONE:
		return Point{Call: "start"}, c.args[0]&unix.CLONE_VFORK != 0, nil
	case unix.SYS_KILL, unix.SYS_PIDFD_SEND_SIGNAL:
		sig := c.args[1]
		return Point{Call: "signal", What: fmt.Sprint(sig)}, sig != 0 && c.args[0] != uint64(c.pid), nil
	}
	return Point{}, false, nil
}

// named is a call on a name: a folder's descriptor and a path.
func (c call) named(name string, dir, path int) (Point, bool, error) {
	text, err := c.text(c.args[path])
	if err != nil {
		return Point{}, false, err
	}
	if fd := int32(c.args[dir]); !filepath.IsAbs(text) {
		above := c.file(uint64(fd))
		if fd == unix.AT_FDCWD {
			above, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", c.pid))
		}
		text = filepath.Join(above, text)
	}
	return Point{Call: name, What: text}, true, nil
}

// file is what a descriptor leads to: a path, or "socket:[7]".
func (c call) file(fd uint64) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.pid, int32(fd)))
	if err != nil {
		return fmt.Sprintf("descriptor %d", int32(fd))
	}
	return name
}

// nameless reports whether a file is in no folder (any more).
func nameless(file string) bool { return strings.HasSuffix(file, " (deleted)") }

// device is what takes what is written and keeps nothing of it.
var device = regexp.MustCompile(`^/dev/(null|tty|pts/.*)$`)

// write is a write to a file or a connection; pipes, terminals and the
// program's own output are inside.
func (c call) write() (Point, bool, error) {
	if fd := c.args[0]; fd == 1 || fd == 2 {
		return Point{}, false, nil
	}
	name := c.file(c.args[0])
	var data []byte
	if c.nr == unix.SYS_WRITE || c.nr == unix.SYS_PWRITE64 || c.nr == unix.SYS_SENDTO {
		var err error
		if data, err = c.memory(c.args[1], min(c.args[2], 400)); err != nil {
			return Point{}, false, err
		}
	}
	switch {
	case strings.HasPrefix(name, "socket:"):
		what, changes := sent(data)
		return Point{Call: "send", What: what, Data: data}, changes, nil
	case strings.HasPrefix(name, "/") && !device.MatchString(name) && !nameless(name):
		return Point{Call: "write", What: name, Data: data}, true, nil
	default:
		return Point{}, false, nil
	}
}

// sent says what goes out on a connection. PostgreSQL is told statements and
// rows; what only asks or logs in changes nothing.
func sent(data []byte) (what string, changes bool) {
	if len(data) < 5 {
		return "", len(data) == 0 // nobody looked into it
	}
	switch data[0] {
	case 'Q', 'P':
		text := strings.Trim(string(bytes.ToValidUTF8(data[5:], nil)), "\x00")
		text, _, _ = strings.Cut(text, "\x00")
		text = strings.Join(strings.Fields(text), " ")
		word, _, _ := strings.Cut(strings.ToUpper(text), " ")
		switch word {
		case "SHOW", "WITH", "BEGIN", "SET":
			return text, false
		case "SELECT":
			return text, strings.Contains(text, "setval(")
		}
		return text[:min(len(text), 60)], true
	case 'd':
		return "rows", true
	case 'c':
		return "end of rows", true
	default:
		return "", false
	}
}

func (c call) memory(at, n uint64) ([]byte, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	m, err := f.ReadAt(b, int64(at))
	if err != nil && m == 0 && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the memory of process %d: %w", c.pid, err)
	}
	return b[:m], nil
}

func (c call) text(at uint64) (string, error) {
	b, err := c.memory(at, unix.PathMax)
	if err != nil {
		return "", err
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b), nil
}
