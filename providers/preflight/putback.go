package preflight

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/providers/dss"
)

// programFolders are where an installer attaches the data directory to its kit, as
// far as that is public.
var programFolders = []string{".", "bin", "install-support"}

// Programs finds what would keep DSS's own commands from making or replacing what
// belongs to the data directory's programs, links into the kit among them.
func Programs(in *dss.Instance) []Finding {
	var out []Finding
	for _, dir := range programFolders {
		if info, err := os.Stat(in.Path(dir)); err == nil && info.IsDir() {
			out = append(out, Folder("DSS's own commands cannot write in the data directory", in.Path(dir))...)
		}
	}
	return out
}

// Installable finds what would keep DSS's installer from working in the data
// directory, and what it changes from being put back.
func Installable(ctx context.Context, in *dss.Instance) ([]Finding, error) {
	out := append(Programs(in), fileFindings("pyenv cannot be moved away, so that it is made again", atomicfile.InTheWay(in.Path("pyenv")))...)
	found, err := putBackable(ctx, in)
	return append(out, found...), err
}

// putBackable looks at all that a safety backup holds.
func putBackable(ctx context.Context, in *dss.Instance) ([]Finding, error) {
	var foreign, held unfit
	me := os.Geteuid()
	err := in.LookThroughProtected(ctx, func(rel string, info fs.FileInfo) error {
		if info == nil {
			return nil
		}
		path := in.Path(rel)
		if len(atomicfile.InTheWay(path)) > 0 && (!info.IsDir() || rel != topOf(rel)) {
			held.add(rel, unix.EPERM)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case ok && me != 0 && int(st.Uid) != me:
			foreign.add(rel, unix.EACCES)
		case info.IsDir():
			foreign.look(in, rel, unix.W_OK|unix.X_OK)
		}
		return nil
	}, func(string, error) {}) // told by the safety backup's own check
	if err != nil {
		return nil, fmt.Errorf("look whether what an installer changes can be put back: %w", err)
	}
	const what = "What the installer changes could not be put back"
	account := dss.AccountName(me)
	var out []Finding
	if foreign.count > 0 {
		out = append(out, Finding{
			Severity: Error, What: what, Where: in.DataDir,
			Found:    foreign.words() + " belong to another account, or may not be written",
			Expected: "all of config, databases and timelines belongs to " + account,
			Remedy:   fmt.Sprintf("Give it back, as root: chown -R %s: %s/config and so on.", account, in.DataDir),
		})
	}
	if held.count > 0 {
		out = append(out, Finding{
			Severity: Error, What: what, Where: in.DataDir,
			Found:    held.words() + " have the flag immutable or append-only, or are mounts of their own",
			Expected: "files and folders that can be replaced",
			Remedy:   "Take the flags away, as root (chattr -i -a), and put the files themselves in the place of mounts.",
		})
	}
	return out, nil
}

// topOf is the folder of the first level: one may be a volume of its own.
func topOf(rel string) string {
	for i := range rel {
		if rel[i] == '/' {
			return rel[:i]
		}
	}
	return rel
}
