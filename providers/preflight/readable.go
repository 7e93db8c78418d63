package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Readable finds what of a folder this account cannot read. what is what it is
// read for: "the backup".
func Readable(t Tree, what string) []Finding {
	if t.UnreadableTotal == 0 {
		return nil
	}
	const shown = 3
	var names []string
	for _, u := range t.Unreadable[:min(shown, len(t.Unreadable))] {
		names = append(names, fmt.Sprintf("%s (%s)", u.Path, u.Why))
	}
	found := strings.Join(names, ", ")
	if more := t.UnreadableTotal - int64(len(names)); more > 0 {
		found += fmt.Sprintf(" and %d more", more)
	}
	headline := fmt.Sprintf("%d files and folders cannot be read", t.UnreadableTotal)
	if t.UnreadableTotal == 1 {
		headline = "1 file or folder cannot be read"
	}
	return []Finding{{
		Severity: Error,
		What:     headline + ", and " + what + " would lack them",
		Where:    t.Root, Found: found,
		Expected: "that the account " + account() + " may read everything",
		Remedy:   "Give them back (chown, chmod u+r), remove them, or leave them out with exclude_paths. `find " + t.Root + " ! -readable` lists them.",
	}}
}

func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

// whyUnreadable names what an administrator has to change.
func whyUnreadable(path string, err error) string {
	if errors.Is(err, unix.EIO) {
		return "an input/output error"
	}
	info, errStat := os.Lstat(path)
	if errStat != nil {
		return "permission denied"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return fmt.Sprintf("mode %04o", info.Mode()&fs.ModePerm)
	}
	owner := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return fmt.Sprintf("owner %s, mode %04o", owner, info.Mode()&fs.ModePerm)
}
