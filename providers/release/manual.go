package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/proc"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

// manualStep makes the step that a person does. It stands behind the window:
// nobody can be waited for while DSS is down.
func (m *maker) manualStep(r replay, why string) providers.Step {
	man := manual{
		Key: r.Key, Title: "install " + r.Title, Command: m.byHand(r), Why: why, Version: m.a.Version, Args: r.Args, Sign: r.Sign,
	}
	s := m.step(KindManual, plan.Clean, providers.Online, "by hand: "+man.Title+" ("+why+")", "state forgets it")
	a := m.a
	a.Manual = &man
	s.Args = encode(a)
	s.Manual = man.Command
	s.Block = m.req.Address + "." + Integration
	return s
}

// byHand is what a person types, DSS stopped meanwhile.
func (m *maker) byHand(r replay) string {
	dir := m.req.Desired.DataDir
	stop, start := proc.CommandLine(dir+"/bin/dss", "stop"), proc.CommandLine(dir+"/bin/dss", "start")
	if unit := m.req.Facts.Unit; unit != "" {
		stop, start = proc.CommandLine("sudo", "systemctl", "stop", unit), proc.CommandLine("sudo", "systemctl", "start", unit)
	}
	words := append([]string{dir + "/bin/dssadmin"}, r.Args...)
	if r.Root {
		words = append([]string{"sudo"}, words...)
	}
	return strings.Join([]string{stop, proc.CommandLine(words...), start}, "\n")
}

// seenDone reports whether a person has done it: the file that it writes is
// another one, or the block says so.
func (m manual) seenDone(in *dss.Instance, desired *config.Instance, version string) bool {
	if b := blockOf(desired, m.Key); b != nil && b.String("done") == version {
		return true
	}
	return m.Sign != "" && signOf(in, m.Sign) != m.Was
}

// signOf describes a file: when it is written anew, the description is another
// one.
func signOf(in *dss.Instance, sign string) string {
	path := sign
	if !filepath.IsAbs(path) {
		path = in.Path(path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "absent"
	case err != nil:
		return "unknown"
	}
	text := fmt.Sprintf("%d bytes, modified %d", info.Size(), info.ModTime().UnixNano())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		text += fmt.Sprintf(", inode %d", st.Ino)
	}
	return text
}

// blockOf returns the block of an integration by a replay's key.
func blockOf(in *config.Instance, key string) *config.Block {
	if in == nil || in.Block == nil {
		return nil
	}
	name := nameOf(key)
	all := in.Children(Integration)
	i := slices.IndexFunc(all, func(b *config.Block) bool { return b.Labels[0] == name })
	if i < 0 {
		return nil
	}
	return all[i]
}
