package state

import (
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/dssctl/dssctl/internal/proc"
)

// Self describes this process as a holder. What the machine does not tell is
// left empty.
func Self(why string, now time.Time) Holder {
	h := Holder{PID: os.Getpid(), User: userName(), Why: why, Since: now, Beat: now}
	h.Host, _ = os.Hostname()
	if p, err := proc.Self(); err == nil {
		h.BootID = p.BootID
	}
	return h
}

func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Geteuid())
}
