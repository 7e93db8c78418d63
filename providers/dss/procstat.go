package dss

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/internal/proc"
)

type procStat struct {
	name     string
	state    string
	parent   int
	group    int
	session  int
	terminal bool
	ticks    uint64
}

// readStat reads /proc/PID/stat. The name in it may hold anything, even
// parentheses and blanks: what follows its last parenthesis counts.
func readStat(dir string) (procStat, error) {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return procStat{}, err
	}
	open, shut := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || shut < open {
		return procStat{}, errors.New("no process name in " + dir + "/stat")
	}
	fields := strings.Fields(string(b[shut+1:]))
	if len(fields) < 20 {
		return procStat{}, errors.New("too few fields in " + dir + "/stat")
	}
	st := procStat{name: string(b[open+1 : shut]), state: fields[0], terminal: fields[4] != "0"}
	st.parent, _ = strconv.Atoi(fields[1])
	st.group, _ = strconv.Atoi(fields[2])
	st.session, _ = strconv.Atoi(fields[3])
	st.ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return st, err
}

// family is dssctl, what it was started from, and its process group, where
// the other parts of a pipeline are.
type family struct {
	pids  map[int]bool
	group int
}

func (in *Instance) ownFamily() family {
	f := family{pids: map[int]bool{}, group: syscall.Getpgrp()}
	for pid := os.Getpid(); pid > 0 && !f.pids[pid]; {
		f.pids[pid] = true
		st, err := readStat(filepath.Join(in.o.Proc, strconv.Itoa(pid)))
		if err != nil {
			break
		}
		pid = st.parent
	}
	return f
}

func bootID() string {
	p, err := proc.Self()
	if err != nil {
		return ""
	}
	return p.BootID
}
