package archive

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// FuzzExtract: whatever a tar holds, nothing appears or changes outside the
// folder, and it ends.
func FuzzExtract(f *testing.F) {
	f.Add(tarOf(f, &tar.Header{Name: "d/", Typeflag: '5', Mode: 0o755}, &tar.Header{Name: "d/f", Typeflag: '0', Size: 700}, &tar.Header{Name: "l", Typeflag: '2', Linkname: "../out"}, &tar.Header{Name: "l/x", Typeflag: '0'}))
	f.Add(tarOf(f, &tar.Header{Name: "f", Typeflag: '0', Size: 3}, &tar.Header{Name: "h", Typeflag: '1', Linkname: "f"}, &tar.Header{Name: "p", Typeflag: '6'}))
	sparse := header{Member: Member{Path: "s", Type: File, Size: 20000, Mode: 0o600, ModTime: time.Unix(-1, 5)}, sparse: []extent{{8192, 512}, {20000, 0}}}
	b := appendHeader(nil, &sparse)
	b = append(b, sparseMap(sparse.sparse)...)
	f.Add(append(b, zeros[:3*sector]...))
	f.Add(appendHeader(nil, &header{Member: Member{Path: "x", Type: Dir}, records: []record{{xattrKey("user.a=b"), "v"}, {paxACLDefault, "user::rwx,g::r-x,o:---"}}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "a"), raw, 0o600))
		must(t, os.Mkdir(filepath.Join(dir, "out"), 0o700))
		before := describe(t, filepath.Join(dir, "out"))
		_, err := Extract(context.Background(), filepath.Join(dir, "a"), "", filepath.Join(dir, "into"), ExtractOptions{Limits: Limits{Members: 50, Bytes: 1 << 20}})
		if errors.Is(err, context.Canceled) {
			t.Errorf("the error is hidden: %v", err)
		}
		if after := describe(t, filepath.Join(dir, "out")); after["."] != before["."] || len(after) != 1 {
			t.Errorf("outside: found %v, expected %v", after, before)
		}
		names, err := os.ReadDir(dir)
		must(t, err)
		if len(names) > 3 {
			t.Errorf("found %v", names)
		}
		must(t, filepath.WalkDir(filepath.Join(dir, "into"), func(path string, d os.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				return os.Chmod(path, 0o700) // for the clean-up
			}
			return nil
		}))
	})
}

// FuzzIndex: whatever an index says, it is read or refused, and what is read is
// written the same way again.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"path":"a","type":"file","size":1,"mode":"644","mtime":"-1.5","uid":1,"gid":2,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","at":7,"skip":9}`))
	f.Add([]byte(`{"path_base64":"/w==","type":"symlink","link":"x","mode":"777","mtime":"0"}`))
	f.Add([]byte(`{"at":0,"stored":10,"raw":10,"crc32c":"00000000"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		w, err := readLine(line)
		if err != nil || w.CRC != "" || w.End {
			return
		}
		m, err := w.member()
		if err != nil {
			return
		}
		w, err = readLine(appendMember(nil, &m))
		must(t, err)
		again, err := w.member()
		must(t, err)
		if m.Type == File && (m.Major != 0 || m.Minor != 0) || m.Type != File && m.Size != 0 || m.Type != Char && m.Type != Block && m.Type != File {
			return // what is only written of some types
		}
		if !again.ModTime.Equal(m.ModTime) {
			t.Errorf("found the time %v, expected %v", again.ModTime, m.ModTime)
		}
		if m.ModTime = again.ModTime; m.Type == File && again != m {
			t.Errorf("found %+v, expected %+v", again, m)
		}
	})
}

// FuzzStream: what claims to be compressed.
func FuzzStream(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	must(f, err)
	f.Add(enc.EncodeAll(tarOf(f, &tar.Header{Name: "f", Typeflag: '0', Size: 3}), nil))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		name := filepath.Join(t.TempDir(), "a")
		must(t, os.WriteFile(name, raw, 0o600))
		in, err := openForeign(name)
		if err != nil {
			return
		}
		defer in.Close()
		tr := tar.NewReader(in)
		for range 100 {
			h, err := tr.Next()
			if err != nil {
				return
			}
			if f, err := memberOf(h); err == nil && checkPath(f.Path) != nil {
				t.Errorf("let %q through", f.Path)
			}
		}
	})
}
