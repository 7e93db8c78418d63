package method

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dssctl/dssctl/internal/archive"
	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/providers/backup/exclude"
)

// tarMethod keeps one compressed tar, written by dssctl itself and restorable
// with tar alone.
type tarMethod struct{ o Options }

const indexName = "datadir.index.zst"

// archiveFiles are the file's names by compression; the Part's Tool has the
// compression behind the slash.
var archiveFiles = map[string]string{"zstd": "datadir.tar.zst", "gzip": "datadir.tar.gz", "none": "datadir.tar"}

const tarTool = "dssctl archive/"

func archiveName(tool string) string { return archiveFiles[strings.TrimPrefix(tool, tarTool)] }

func (m *tarMethod) compression() string {
	if m.o.Compression == "" {
		return "zstd"
	}
	return m.o.Compression
}

func (*tarMethod) Name() string { return Archive }

// Check finds nothing missing: the program is dssctl.
func (m *tarMethod) Check(context.Context) error {
	if archiveFiles[m.compression()] == "" {
		return fmt.Errorf("there is no compression %q; expected zstd, gzip or none", m.o.Compression)
	}
	return checkDestination(m.o.Destination)
}

func (*tarMethod) Prepare(context.Context) error                    { return nil }
func (*tarMethod) Warm(context.Context, Job) error                  { return nil }
func (*tarMethod) Seal(context.Context, Job, Part) error            { return nil }
func (*tarMethod) Forget(context.Context, []Stored) error           { return nil }
func (*tarMethod) Rescan(context.Context, string) ([]string, error) { return nil, nil }

func (m *tarMethod) Save(ctx context.Context, j Job) (part Part, err error) {
	rules, err := exclude.Compile(j.Rules)
	if err != nil {
		return part, err
	}
	name := archiveFiles[m.compression()]
	data, err := os.OpenFile(filepath.Join(j.Folder, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return part, fmt.Errorf("keep the data directory: %w", err)
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	index, err := os.OpenFile(filepath.Join(j.Folder, indexName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return part, fmt.Errorf("keep the data directory: %w", err)
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	f := newFollower(mustReal(j.View), rules)
	report, err := archive.Write(ctx, data, index, archive.Source{Root: f.root, Tolerant: j.Live, Decide: f.decide}, archive.Options{
		Compression: map[string]archive.Compression{"zstd": archive.Zstd, "gzip": archive.Gzip, "none": archive.None}[m.compression()],
		Sync:        true, Progress: m.progress(expectedBytes(j)),
	})
	if err != nil {
		return part, fmt.Errorf("keep the data directory in %s: %w", data.Name(), err)
	}
	if err := atomicfile.SyncDir(j.Folder); err != nil {
		return part, err
	}
	names := report.Files + report.HardLinks + report.Links + report.Other
	return Part{
		Method: Archive, Tool: tarTool + m.compression(),
		Files: names, Names: names, Folders: report.Dirs, Bytes: report.Bytes, Stored: report.Stored, SHA256: report.SHA256, IndexSHA256: report.IndexSHA256,
		Changed: report.Changed.First, ChangedTotal: report.Changed.Total, LeftOut: report.LeftOut.First,
		Followed: report.Followed.First,
	}, nil
}

// expectedBytes is what the last set had, for the time left; 0 for the first.
func expectedBytes(j Job) int64 {
	if j.Previous == nil {
		return 0
	}
	return j.Previous.Part.Bytes
}

func (m *tarMethod) progress(total int64) func(archive.Progress) {
	return func(p archive.Progress) {
		m.o.Progress(event.Progress{Done: p.Bytes, Total: max(total, 0), Unit: "bytes", Files: p.Members})
	}
}

func (m *tarMethod) paths(s Stored) (data, index string, err error) {
	name := archiveName(s.Part.Tool)
	if name == "" {
		return "", "", fmt.Errorf("the set %s was kept by %q, which this dssctl does not know", s.Set, s.Part.Tool)
	}
	return filepath.Join(s.Folder, name), filepath.Join(s.Folder, indexName), nil
}

// limits are what the manifest promises: more than that is a bomb.
func limits(p Part) archive.Limits {
	return archive.Limits{Bytes: p.Bytes, File: p.Bytes}
}

func (m *tarMethod) Verify(ctx context.Context, s Stored, quick bool) error {
	data, index, err := m.paths(s)
	if err != nil {
		return err
	}
	if quick {
		info, err := os.Stat(data)
		if err == nil && info.Size() != s.Part.Stored {
			return &DamageError{Set: s.Set, What: filepath.Base(data), Found: fmt.Sprintf("it has %d bytes, written were %d", info.Size(), s.Part.Stored)}
		}
		if err == nil {
			_, err = os.Stat(index)
		}
		return m.damaged(err, s, data)
	}
	_, err = archive.Verify(ctx, data, index, archive.VerifyOptions{
		Sums: archive.Sums{Archive: s.Part.SHA256, Index: s.Part.IndexSHA256}, Limits: limits(s.Part), Progress: m.progress(s.Part.Bytes),
	})
	return m.damaged(err, s, data)
}

func (m *tarMethod) damaged(err error, s Stored, data string) error {
	if errors.Is(err, archive.ErrDamaged) || errors.Is(err, archive.ErrRefused) || errors.Is(err, fs.ErrNotExist) {
		// The set and its file are named already.
		found := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "verify "+data+": "), "read "+data+": ")
		return &DamageError{Set: s.Set, What: filepath.Base(data), Found: found}
	}
	return err
}

func (m *tarMethod) Restore(ctx context.Context, s Stored, into string, sel Selection) error {
	data, index, err := m.paths(s)
	if err != nil {
		return err
	}
	paths, err := sel.clean()
	if err != nil {
		return err
	}
	if err := beginRestore(into, s.Set); err != nil {
		return err
	}
	root := os.Geteuid() == 0
	o := archive.ExtractOptions{
		Sums: archive.Sums{Index: s.Part.IndexSHA256}, Limits: limits(s.Part), Owners: root, Devices: root, Sync: true, Progress: m.progress(s.Part.Bytes),
	}
	if len(paths) == 0 {
		o.Sums.Archive = s.Part.SHA256
	} else {
		o.Only = Selection{paths}.Wants
	}
	report, err := archive.Extract(ctx, data, index, into, o)
	for _, note := range report.LeftOut.First {
		m.o.Notice(note)
	}
	if err != nil {
		return m.damaged(err, s, data)
	}
	return endRestore(into, s.Set, paths)
}

// Holds implements Method.
func (m *tarMethod) Holds(ctx context.Context, s Stored, names []string) ([]string, error) {
	data, index, err := m.paths(s)
	if err != nil {
		return nil, err
	}
	w := newWanted(names)
	err = archive.List(ctx, index, func(e archive.Member) error {
		kind := "other"
		switch e.Type {
		case archive.File, archive.HardLink:
			kind = "file"
		case archive.Dir:
			kind = "folder"
		}
		w.saw(e.Path, kind)
		return nil
	})
	return w.missing(), m.damaged(err, s, data)
}

// Wants reports whether a path is part of the selection.
func (s Selection) Wants(rel string) bool {
	for _, p := range s.Paths {
		if rel == p || strings.HasPrefix(rel, p+"/") {
			return true
		}
	}
	return len(s.Paths) == 0
}
