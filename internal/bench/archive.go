package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dssctl/dssctl/internal/bench/measure/timing"
	"github.com/dssctl/dssctl/internal/bench/tree"
)

// archives are the figures of one tree.
type archives struct {
	Files, Rounds  int
	FromDisk       bool // nothing of the tree was in memory
	Write, Restore []way
}

// way is one way to archive or to restore.
type way struct {
	Name   string
	Figure figure
	Size   int64 // of what it wrote; 0 where that is not told
}

// The names that targets look for.
const (
	oursName = "dssctl"
	readName = "read every byte, 8 readers"
	tarName  = "`tar -cz`, `tar -xz`"
)

func (a *archives) of(ways []way, name string) figure {
	for _, w := range ways {
		if w.Name == name {
			return w.Figure
		}
	}
	return figure{}
}

// archive is a data directory of 200,000 files.
func (b *bench) archive() (*archives, error) {
	b.logf("archives")
	return b.archives(b.tree, tree.DataDir(), false, b.peers)
}

// many is a million small files, read from the disk where that can be had: a
// directory of that size is not in memory when its nightly backup begins.
func (b *bench) many() (*archives, error) {
	b.logf("archives of a million files")
	dir := b.tree
	if dir != "" {
		dir += "-many"
	}
	return b.archives(dir, tree.Many(), b.canForget(), func(root, work string) []peer { return b.peers(root, work)[:1] })
}

// peer is a program beside ours.
type peer struct {
	name, needs    string
	before         string // makes ready for the write
	write, restore []string
	out            string // what it writes
}

// peers archive root to files in work.
func (b *bench) peers(root, work string) []peer {
	out := func(name string) string { return filepath.Join(work, name) }
	into := out("restored")
	tar := func(name, needs string, options ...string) peer {
		file := out(needs + ".tar")
		return peer{
			name: name, needs: needs, out: file,
			write:   append(append([]string{"tar"}, options...), "-cf", file, "-C", root, "."),
			restore: append(append([]string{"tar"}, options...), "-xf", file, "-C", into),
		}
	}
	nine := tar("`GZIP=-9 tar -cz`", "gzip", "-I", "gzip -9")
	nine.out = out("nine.tar")
	nine.write[4], nine.restore = nine.out, nil
	restic := []string{"restic", "-q", "--insecure-no-password", "-r", out("restic")}
	if exec.Command("restic", "--insecure-no-password", "version").Run() != nil { // before 0.17
		if os.WriteFile(out("password"), []byte("benchmark\n"), 0o600) == nil {
			restic = []string{"restic", "-q", "-p", out("password"), "-r", out("restic")}
		}
	}
	return []peer{
		tar(tarName, "gzip", "-z"),
		nine,
		tar("tar + pigz", "pigz", "-I", "pigz"),
		tar("tar + `zstd -T0`", "zstd", "-I", "zstd -T0"),
		{
			name: "restic, first", needs: "restic", out: out("restic"),
			before:  join(restic, "init"),
			write:   append(restic[:len(restic):len(restic)], "backup", "--no-cache", root),
			restore: append(restic[:len(restic):len(restic)], "restore", "latest", "--no-cache", "--target", into),
		},
		{
			name: "borg, zstd, first", needs: "borg", out: out("borg"),
			before: "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes borg init -e none " + out("borg"),
			write:  []string{"env", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "borg", "create", "-C", "zstd,3", out("borg") + "::a", root},
		},
		{
			name: "rsync -a, first", needs: "rsync", out: out("rsync"),
			write: []string{"rsync", "-a", root + "/", out("rsync") + "/"},
		},
	}
}

func join(argv []string, more string) string {
	text := ""
	for _, a := range argv {
		text += "'" + a + "' "
	}
	return text + more
}

// archives measures ours, then the peers', each alone, on a tree that was read
// just before, or from the disk.
func (b *bench) archives(root string, shape tree.Shape, fromDisk bool, peers func(root, work string) []peer) (*archives, error) {
	if root == "" {
		root = filepath.Join(b.work, "tree")
	}
	if b.treePart > 1 {
		shape = shape.Part(b.treePart)
	}
	b.logf("making the tree %s", root)
	if err := tree.Make(root, shape); err != nil {
		return nil, err
	}
	work := filepath.Join(b.work, "archives")
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	a := &archives{Rounds: b.archiveRounds, Files: shape.Files + len(shape.Large), FromDisk: fromDisk}
	ours := func(name, file string, options ...string) peer {
		file = filepath.Join(work, file)
		return peer{
			name: name, out: file,
			write:   append([]string{b.tool("archiver"), "write", file, root}, options...),
			restore: []string{b.tool("archiver"), "extract", file, filepath.Join(work, "restored")},
		}
	}
	all := append([]peer{
		{name: readName, write: []string{b.tool("archiver"), "read", "-", root}},
		ours(oursName, "ours.tar.zst"),
		ours("dssctl, gzip", "ours.tar.gz", "-compression", "gzip"),
	}, peers(root, work)...)
	for _, p := range all {
		if err := b.way(a, p, work); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// way measures one, and removes what it wrote.
func (b *bench) way(a *archives, p peer, work string) error {
	if p.needs != "" {
		if _, err := exec.LookPath(p.needs); err != nil {
			return nil
		}
	}
	ready := "sync"
	if a.FromDisk {
		ready = b.forget()
	}
	if p.out != "" {
		ready = "rm -rf '" + p.out + "'; " + ready
	}
	if p.before != "" {
		ready += "; " + p.before
	}
	time := func(name, ready string, argv []string) (figure, error) {
		f, err := b.request(timing.Request{Rounds: b.archiveRounds, Cold: true, Jobs: []timing.Job{{
			Name: name, Argv: argv, Dir: work, Env: environ(), Before: []string{"/bin/sh", "-ec", ready},
		}}})
		return f[name], err
	}
	f, err := time(p.name, ready, p.write)
	if err != nil {
		return err
	}
	a.Write = append(a.Write, way{p.name, f, size(p.out)})
	if p.restore != nil {
		f, err := time(p.name, "rm -rf restored; mkdir restored; sync", p.restore)
		if err != nil {
			return err
		}
		a.Restore = append(a.Restore, way{Name: p.name, Figure: f})
	}
	if p.out != "" {
		return os.RemoveAll(p.out)
	}
	return nil
}

// canForget reports whether scripts/bench, started by root, has what was read
// of the disk forgotten.
func (b *bench) canForget() bool {
	_, err := os.Stat(b.tool("forget"))
	return err == nil
}

// forget is a shell's command for it.
func (b *bench) forget() string {
	return fmt.Sprintf("echo >'%s'; read -r _ <'%s'", b.tool("forget"), b.tool("forgotten"))
}

// size is that of a file or of all files in a folder.
func size(path string) (n int64) {
	//nolint:errcheck // what is not there has no size
	filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

func (p page) archive(w *writer, title string, a *archives) {
	where := "The tree was in memory, as far as it fits."
	if a.FromDisk {
		where = "The tree is read from the disk: the kernel forgets it before each."
	}
	w.line("## %s", title)
	w.line("")
	w.line("A tree of %d files, made from a seed: JSON, logs and tables, as they lie in a data directory. Each program is run %d × by", a.Files, a.Rounds)
	w.line("itself, without a run to warm up, after the one before it was written to disk. %s dssctl is `internal/archive` in a process of its own: it also", where)
	w.line("computes the SHA-256 of every file and of the archive, writes an index, and compares with it when it restores.")
	w.line("")
	ours := a.of(a.Write, oursName)
	w.table([]string{"archive", "time", "CPU", "memory", "size", "takes"}, func(row func(...string)) {
		for _, x := range a.Write {
			text := "–"
			if x.Size > 0 {
				text = fmt.Sprintf("%.2f GB", float64(x.Size)/1e9)
			}
			row(append(figureCells(x.Name, x.Figure), text, ratio(x.Figure.Wall, ours.Wall))...)
		}
	})
	back := a.of(a.Restore, oursName)
	w.table([]string{"restore", "time", "CPU", "memory", "takes"}, func(row func(...string)) {
		for _, x := range a.Restore {
			row(append(figureCells(x.Name, x.Figure), ratio(x.Figure.Wall, back.Wall))...)
		}
	})
}
