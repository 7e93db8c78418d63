package doctor

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dssctl/dssctl/internal/humanize"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/preflight"
)

// kit looks at what the data directory is attached to.
func kit(_ context.Context, s *Subject) result {
	dir := s.Facts.InstallDir
	if dir == "" {
		return skipped("bin/env-default.sh names no kit (DKUINSTALLDIR)")
	}
	found := (preflight.Kit{DataDir: s.DataDir, Dir: dir, Version: s.Facts.Version}).Check()
	if bad := preflight.Errors(found); len(bad) > 0 {
		return failed(fmt.Sprintf("%s: %s: %s, expected %s", bad[0].What, bad[0].Where, bad[0].Found, bad[0].Expected), bad[0].Remedy+".")
	}
	if len(found) > 0 {
		return skipped(fmt.Sprintf("the kit %s does not say its version", dir))
	}
	return ok(fmt.Sprintf("%s in %s", s.Facts.Version, dir))
}

// portsOwned is how many ports an instance owns, from its base port on.
const portsOwned = 10

// portBlock looks for somebody else in the ports of an instance that is stopped.
func portBlock(_ context.Context, s *Subject) result {
	base := s.Facts.Port
	if s.Facts.Service != dss.ServiceStopped {
		return skipped(fmt.Sprintf("DSS is %s: the listeners on %d to %d are its own", s.Facts.Service, base, base+portsOwned-1))
	}
	taken := map[int]bool{}
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		data, err := s.Machine.read(name)
		if err != nil {
			continue // no IPv6
		}
		for line := range strings.Lines(string(data)) {
			if port, listens := listener(line); listens && port >= base && port < base+portsOwned {
				taken[port] = true
			}
		}
	}
	if len(taken) > 0 {
		var ports []string
		for _, p := range slices.Sorted(maps.Keys(taken)) {
			ports = append(ports, strconv.Itoa(p))
		}
		return failed(fmt.Sprintf("DSS is stopped, and somebody listens on its ports: %s", strings.Join(ports, ", ")),
			fmt.Sprintf("An instance owns the ports %d to %d. Find the program with `ss -ltnp`: a DSS that did not end, another instance, or something else.", base, base+portsOwned-1))
	}
	return ok(fmt.Sprintf("%d to %d are free", base, base+portsOwned-1))
}

// listener reads a line of /proc/net/tcp.
func listener(line string) (port int, listens bool) {
	f := strings.Fields(line) // 0: 0100007F:2BC1 00000000:0000 0A …
	if len(f) < 4 || f[3] != "0A" {
		return 0, false
	}
	_, hexPort, found := strings.Cut(f[1], ":")
	raw, err := hex.DecodeString(hexPort)
	if !found || err != nil || len(raw) != 2 {
		return 0, false
	}
	return int(raw[0])<<8 | int(raw[1]), true
}

func portsOfOthers(_ context.Context, s *Subject) result {
	var clash []string
	for _, address := range slices.Sorted(maps.Keys(s.Others)) {
		if other := s.Others[address]; other < s.Facts.Port+portsOwned && s.Facts.Port < other+portsOwned {
			clash = append(clash, fmt.Sprintf("%s (%d)", address, other))
		}
	}
	switch {
	case len(clash) > 0:
		return failed(fmt.Sprintf("the ports from %d on overlap with those of %s", s.Facts.Port, few(clash)),
			"Each instance owns ten ports from its base port on: give one of them another base port (the attribute port).")
	case len(s.Others) == 0:
		return skipped("no other instance is known")
	}
	return ok("no overlap with the estate's other instances")
}

// heaps are the heap sizes of install.ini, by key, in bytes.
func (s *Subject) heaps() map[string]int64 {
	out := map[string]int64{}
	if s.INI == nil {
		return out
	}
	for _, key := range s.INI.Keys("javaopts") {
		if !strings.HasSuffix(key, ".xmx") {
			continue
		}
		if value, there := s.INI.Get("javaopts", key); there {
			if n, good := dss.HeapSize(value); good {
				out[key] = n
			}
		}
	}
	return out
}

func heapSizes(_ context.Context, s *Subject) result {
	heaps := s.heaps()
	var bad []string
	for _, key := range slices.Sorted(maps.Keys(heaps)) {
		if dss.HeapToAvoid(heaps[key]) {
			bad = append(bad, fmt.Sprintf("%s = %s", key, humanize.Bytes(heaps[key])))
		}
	}
	switch {
	case len(bad) > 0:
		return warning("heap sizes between 32g and 48g hold less than 31g would: "+few(bad),
			"Set them to 31g or less, or to 48g or more: install_ini = { javaopts = { … } }.")
	case len(heaps) == 0:
		return ok("install.ini sets no heap size: DSS's own are used")
	}
	return ok(humanize.Count(int64(len(heaps)), "heap size", "heap sizes") + " set, none between 32g and 48g")
}

// heapAndMemory compares the long-lived heap with what the machine has.
func heapAndMemory(_ context.Context, s *Subject) result {
	total, err := s.Machine.memory()
	heap, set := s.heaps()["backend.xmx"]
	switch {
	case err != nil:
		return skipped(fmt.Sprintf("the memory could not be told: %v", err))
	case !set:
		return skipped("install.ini sets no backend.xmx")
	case heap > total/2:
		return warning(fmt.Sprintf("the backend may take %s of the machine's %s, and jobs and notebooks need memory too", humanize.Bytes(heap), humanize.Bytes(total)),
			"Lower backend.xmx, or give the machine more memory.")
	}
	return ok(fmt.Sprintf("backend.xmx is %s of %s", humanize.Bytes(heap), humanize.Bytes(total)))
}
