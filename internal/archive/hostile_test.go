package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// tarOf makes a tar as somebody with bad intent would.
func tarOf(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, h := range headers {
		u := ustar{name: h.Name, link: h.Linkname, mode: uint32(h.Mode), size: h.Size, typ: h.Typeflag, major: uint32(h.Devmajor), minor: uint32(h.Devminor)}
		var pax []byte
		for k, v := range h.PAXRecords {
			pax = appendRecord(pax, k, v)
		}
		if pax != nil {
			x := ustar{name: "x", size: int64(len(pax)), typ: 'x'}
			b.Write(x.append(nil))
			b.Write(pax)
			b.Write(zeros[:padding(int64(len(pax)))])
		}
		b.Write(u.append(nil))
		if h.Size > 0 && h.Size < 1<<20 {
			b.Write(zeros[:h.Size+padding(h.Size)])
		}
	}
	b.Write(zeros[:2*sector])
	return b.Bytes()
}

// indexOf makes an index that goes with it, and holds what the tar says.
func indexOf(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	x, err := newIndexWriter(&b, None)
	must(t, err)
	x.block(blockRecord{Stored: int64(len(raw)), Raw: int64(len(raw)), CRC: crc32.Checksum(raw, castagnoli)})
	in := bytes.NewReader(raw)
	tr := tar.NewReader(in)
	n := int64(0)
	for {
		h, err := tr.Next()
		if err != nil {
			break
		}
		f, _ := memberOf(h)
		if f.Type == File {
			content, _ := io.ReadAll(io.LimitReader(tr, 1<<20))
			sum := sha256.Sum256(content)
			f.SHA256 = hex.EncodeToString(sum[:])
		}
		x.member(&f.Member)
		n++
	}
	sum := sha256.Sum256(raw)
	_, err = x.close(endRecord{End: true, Members: n, Raw: int64(len(raw)), Stored: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])})
	must(t, err)
	return b.Bytes()
}

// TestHostile: what leads out of the folder, or is not what it should be, is
// refused with and without an index, and nothing outside is touched.
func TestHostile(t *testing.T) {
	dir := func(name string) *tar.Header { return &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	file := func(name string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 5}
	}
	link := func(name, to string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
	}
	hard := func(name, to string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}
	}
	with := func(h *tar.Header, key, value string) *tar.Header {
		h.PAXRecords = map[string]string{key: value}
		return h
	}
	sized := func(h *tar.Header, n int64) *tar.Header {
		h.Size = n
		return h
	}
	for name, c := range map[string]struct {
		headers []*tar.Header
		want    error
		says    string
	}{
		"absolute":                     {[]*tar.Header{file("/outside/f")}, ErrRefused, "absolute"},
		"absolute in PAX":              {[]*tar.Header{with(file("f"), "path", "/outside/f")}, ErrRefused, "absolute"},
		"up":                           {[]*tar.Header{file("../outside/f")}, ErrRefused, "leads out"},
		"up inside":                    {[]*tar.Header{dir("a"), file("a/../../outside/f")}, ErrRefused, "leads out"},
		"up itself":                    {[]*tar.Header{dir("..")}, ErrRefused, "leads out"},
		"up at the end":                {[]*tar.Header{dir("a"), dir("a/..")}, ErrRefused, "leads out"},
		"no name":                      {[]*tar.Header{file("")}, ErrRefused, "without a name"},
		"root as a file":               {[]*tar.Header{file(".")}, ErrRefused, "root itself"},
		"root as a symlink":            {[]*tar.Header{link(".", "/outside")}, ErrRefused, "root itself"},
		"below a symlink":              {[]*tar.Header{link("a", "../outside"), file("a/f")}, ErrRefused, "no folder"},
		"below a symlink to a folder":  {[]*tar.Header{dir("d"), link("a", "d"), file("a/f")}, ErrRefused, "no folder"},
		"folder below a symlink":       {[]*tar.Header{link("a", "../outside"), dir("a/d")}, ErrRefused, "no folder"},
		"far below a symlink":          {[]*tar.Header{dir("d"), link("d/a", "../../outside"), file("d/a/b/c")}, ErrRefused, "no folder"},
		"folder over a symlink":        {[]*tar.Header{link("a", "../outside"), dir("a"), file("a/f")}, ErrRefused, ""},
		"file over a symlink":          {[]*tar.Header{link("a", "../outside/new"), file("a")}, ErrRefused, "twice"},
		"symlink over a folder":        {[]*tar.Header{dir("a"), link("a", "../outside"), file("a/f")}, ErrRefused, "twice"},
		"below a file":                 {[]*tar.Header{file("a"), file("a/f")}, ErrRefused, ""},
		"twice":                        {[]*tar.Header{file("a"), file("b"), file("a")}, ErrRefused, "twice"},
		"hard link out":                {[]*tar.Header{hard("a", "../outside/secret")}, ErrRefused, "leads out"},
		"hard link out, absolute":      {[]*tar.Header{hard("a", "/outside/secret")}, ErrRefused, "absolute"},
		"hard link below a symlink":    {[]*tar.Header{link("d", "../outside"), hard("a", "d/secret")}, ErrRefused, "hard link"},
		"hard link to nothing":         {[]*tar.Header{hard("a", "b")}, nil, "not there"},
		"hard link, then over it":      {[]*tar.Header{file("b"), hard("a", "b"), file("a")}, ErrRefused, "twice"},
		"hard link to itself":          {[]*tar.Header{hard("a", "a")}, nil, "not there"},
		"hard link to a folder":        {[]*tar.Header{dir("d"), hard("a", "d")}, nil, ""},
		"hard link through a file":     {[]*tar.Header{file("f"), hard("a", "f/x")}, nil, "hard link"},
		"symlink to nothing":           {[]*tar.Header{link("a", "")}, ErrRefused, "leads to"},
		"device":                       {[]*tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, ErrRefused, "device"},
		"disk":                         {[]*tar.Header{{Name: "disk", Typeflag: tar.TypeBlock, Devmajor: 8}}, ErrRefused, "device"},
		"unknown type":                 {[]*tar.Header{{Name: "a", Typeflag: 'Z'}}, ErrRefused, "type"},
		"larger than allowed":          {[]*tar.Header{sized(file("a"), 5000)}, ErrRefused, "more than the 4000"},
		"exabytes":                     {[]*tar.Header{with(file("a"), "size", "9223372036854775807")}, nil, ""},
		"negative size":                {[]*tar.Header{with(file("a"), "size", "-1")}, nil, ""},
		"size that is no number":       {[]*tar.Header{with(file("a"), "size", "NaN")}, ErrDamaged, ""},
		"size that overflows":          {[]*tar.Header{with(file("a"), "size", "99999999999999999999")}, ErrDamaged, ""},
		"time that is no number":       {[]*tar.Header{with(file("a"), "mtime", "NaN")}, ErrDamaged, ""},
		"sparse map that is none":      {[]*tar.Header{{Name: "a", Typeflag: '0', Size: 512, PAXRecords: map[string]string{"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a", "GNU.sparse.realsize": "9"}}}, ErrDamaged, ""},
		"sparse file of exabytes":      {[]*tar.Header{{Name: "a", Typeflag: '0', PAXRecords: map[string]string{"GNU.sparse.map": "", "GNU.sparse.numblocks": "0", "GNU.sparse.size": "9000000000000000000", "GNU.sparse.major": "0", "GNU.sparse.minor": "1"}}}, nil, ""},
		"sparse name that leads out":   {[]*tar.Header{{Name: "a", Typeflag: '0', PAXRecords: map[string]string{"GNU.sparse.map": "", "GNU.sparse.numblocks": "0", "GNU.sparse.size": "0", "GNU.sparse.name": "../outside/f", "GNU.sparse.major": "0", "GNU.sparse.minor": "1"}}}, ErrRefused, "leads out"},
		"records of gigabytes":         {[]*tar.Header{{Name: "a", Typeflag: 'x', Size: 3 << 30}}, ErrDamaged, ""},
		"long name of gigabytes":       {[]*tar.Header{{Name: "a", Typeflag: 'L', Size: 3 << 30}}, ErrDamaged, ""},
		"too many members":             {[]*tar.Header{dir("1"), dir("2"), dir("3"), dir("4"), dir("5"), dir("6")}, ErrRefused, "more than the 5"},
		"too much in all":              {[]*tar.Header{sized(file("1"), 3900), sized(file("2"), 3900), sized(file("3"), 3900)}, ErrRefused, "more than the 10000"},
		"name with a NUL in PAX":       {[]*tar.Header{with(file("a"), "path", "a\x00b")}, nil, ""},
		"more than zeros behind it":    {nil, ErrDamaged, "more than zeros"},
		"attribute of the kernel's":    {[]*tar.Header{with(file("a"), "SCHILY.xattr.system.posix_acl_access", "x")}, nil, "-"},
		"ACL of an account not here":   {[]*tar.Header{with(file("a"), paxACLAccess, "user::rw-,user:no-such-account:rwx")}, nil, "-"},
		"ACL that is none":             {[]*tar.Header{with(file("a"), paxACLAccess, "rubbish")}, nil, "-"},
		"mode of more than twelve bit": {[]*tar.Header{{Name: "a", Typeflag: '0', Mode: 0o777777}}, nil, "-"},
	} {
		for _, indexed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, indexed), func(t *testing.T) {
				dir := t.TempDir()
				put(t, filepath.Join(dir, "outside/secret"), []byte("s"))
				before := describe(t, filepath.Join(dir, "outside"))
				raw := tarOf(t, c.headers...)
				if c.headers == nil {
					raw = append(tarOf(t, file("a")), "more"...)
				}
				archive, index := filepath.Join(dir, "a"), ""
				put(t, archive, raw)
				if indexed {
					index = filepath.Join(dir, "index")
					put(t, index, indexOf(t, raw))
				}
				_, err := Extract(context.Background(), archive, index, filepath.Join(dir, "into"), ExtractOptions{Limits: Limits{Members: 5, File: 4000, Bytes: 10_000}})
				if c.says == "-" {
					must(t, err)
				} else if err == nil {
					t.Error("found nothing")
				} else if c.want != nil && !errors.Is(err, c.want) && (!indexed || !errors.Is(err, ErrDamaged)) {
					t.Errorf("found %v, expected %v", err, c.want)
				} else if !strings.Contains(err.Error(), c.says) && !indexed {
					t.Errorf("found %v, expected … %s …", err, c.says)
				}
				if d := describe(t, filepath.Join(dir, "outside")); fmt.Sprint(d) != fmt.Sprint(before) {
					t.Errorf("outside: found %v, expected %v", d, before)
				}
			})
		}
	}
}

// TestBombs: a little that unpacks to a lot ends at the limits.
func TestBombs(t *testing.T) {
	raw := tarOf(t, &tar.Header{Name: "a", Typeflag: '0', Size: 1<<33 - 1})
	raw = raw[:len(raw)-2*sector]
	enc, err := zstd.NewWriter(nil)
	must(t, err)
	frame := enc.EncodeAll(make([]byte, 8<<20), nil)
	bomb := enc.EncodeAll(raw, nil)
	for range 2000 {
		bomb = append(bomb, frame...)
	}
	defer enc.Close()
	dir := t.TempDir()
	archive := filepath.Join(dir, "bomb")
	put(t, archive, bomb)
	for _, limits := range []Limits{{File: 1 << 30}, {Bytes: 1 << 30}} {
		if _, err := Extract(context.Background(), archive, "", t.TempDir(), ExtractOptions{Limits: limits}); !errors.Is(err, ErrRefused) {
			t.Errorf("found %v", err)
		}
	}
	// Zeros without end behind the end.
	zeros := enc.EncodeAll(tarOf(t), nil)
	for range 2 {
		zeros = append(zeros, frame...)
	}
	put(t, archive, zeros)
	if _, err := Extract(context.Background(), archive, "", t.TempDir(), ExtractOptions{}); !errors.Is(err, ErrRefused) {
		t.Errorf("found %v", err)
	}
	// A window that would take half a GiB.
	wide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, (29 - 10) << 3}
	put(t, archive, append(wide, make([]byte, 100)...))
	if _, err := Extract(context.Background(), archive, "", t.TempDir(), ExtractOptions{}); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("found %v", err)
	}
	// A block that holds more than the index says.
	var small bytes.Buffer
	g := gzip.NewWriter(&small)
	_, err = g.Write(make([]byte, 10<<20))
	must(t, err)
	must(t, g.Close())
	for kind, stored := range map[Compression][]byte{Zstd: frame, Gzip: small.Bytes(), None: make([]byte, 1000)} {
		var b bytes.Buffer
		x, err := newIndexWriter(&b, kind)
		must(t, err)
		x.block(blockRecord{Stored: int64(len(stored)), Raw: 512, CRC: crc32.Checksum(stored, castagnoli)})
		_, err = x.close(endRecord{End: true, Raw: 512, Stored: int64(len(stored))})
		must(t, err)
		put(t, archive, stored)
		put(t, archive+".index", b.Bytes())
		if _, err := Verify(context.Background(), archive, archive+".index", VerifyOptions{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v: found %v", kind, err)
		}
	}
}

// TestHostileIndex: lines that no writer writes.
func TestHostileIndex(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	must(t, err)
	head := `{"format":"dssctl archive index","version":1,"compression":"none"}` + "\n"
	sum := strings.Repeat("0", 64)
	for name, text := range map[string]string{
		"no text":          "",
		"other format":     "{}\n",
		"newer version":    strings.Replace(head, `:1`, `:2`, 1),
		"compression":      strings.Replace(head, "none", "lzma", 1),
		"endless line":     head + strings.Repeat("x", 2*mostLine),
		"no JSON":          head + "x\n",
		"huge block":       head + `{"at":0,"stored":10,"raw":99999999999,"crc32c":"00000000"}` + "\n",
		"negative block":   head + `{"at":0,"stored":-10,"raw":10,"crc32c":"00000000"}` + "\n",
		"block elsewhere":  head + `{"at":7,"stored":10,"raw":10,"crc32c":"00000000"}` + "\n",
		"checksum":         head + `{"at":0,"stored":10,"raw":10,"crc32c":"zz"}` + "\n",
		"path out":         head + `{"path":"../x","type":"dir","mode":"755","mtime":"0"}` + "\n",
		"path of bytes":    head + `{"path_base64":"Li4veA==","type":"dir","mode":"755","mtime":"0"}` + "\n",
		"size":             head + `{"path":"x","type":"file","size":-1,"mode":"755","mtime":"0","sha256":"` + sum + `"}` + "\n",
		"no sum":           head + `{"path":"x","type":"file","size":1,"mode":"755","mtime":"0"}` + "\n",
		"mode":             head + `{"path":"x","type":"dir","mode":"77777","mtime":"0"}` + "\n",
		"time":             head + `{"path":"x","type":"dir","mode":"755","mtime":"NaN"}` + "\n",
		"place":            head + `{"path":"x","type":"dir","mode":"755","mtime":"0","at":-1}` + "\n",
		"behind the end":   head + `{"end":true}` + "\n{}\n",
		"member in no end": head + `{"path":"x","type":"dir","mode":"755","mtime":"0"}` + "\n",
		"nesting":          head + strings.Repeat("[", 100_000) + "\n",
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a"), make([]byte, 10))
		put(t, filepath.Join(dir, "index"), enc.EncodeAll([]byte(text), nil))
		if _, err := Verify(context.Background(), filepath.Join(dir, "a"), filepath.Join(dir, "index"), VerifyOptions{}); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: found %v", name, err)
		}
	}
}

// TestTarget: only an empty folder, or none, is extracted into.
func TestTarget(t *testing.T) {
	archive, index, _ := written(t, Source{Root: smallTree(t)}, Options{})
	full := t.TempDir()
	put(t, filepath.Join(full, "precious"), nil)
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	for into, says := range map[string]string{full: `expected an empty folder, found "precious"`, file: "expected a folder", filepath.Join(full, "a/b"): "no such file"} {
		if _, err := Extract(context.Background(), archive, index, into, ExtractOptions{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("found %v, expected %s", err, says)
		}
	}
	if names, err := os.ReadDir(full); err != nil || len(names) != 1 {
		t.Errorf("found %v %v", names, err)
	}
}

// TestSetuidWithoutOwner: a file does not become setuid of somebody else.
func TestSetuidWithoutOwner(t *testing.T) {
	if !isRoot() {
		t.Skip("only root can make a file of another")
	}
	tree := t.TempDir()
	put(t, filepath.Join(tree, "f"), nil)
	must(t, os.Lchown(filepath.Join(tree, "f"), 12345, 12345))
	must(t, os.Chmod(filepath.Join(tree, "f"), 0o755|os.ModeSetuid))
	archive, index, _ := written(t, Source{Root: tree}, Options{})
	into := t.TempDir()
	r, err := Extract(context.Background(), archive, index, into, ExtractOptions{})
	must(t, err)
	info, err := os.Stat(filepath.Join(into, "f"))
	must(t, err)
	if info.Mode() != 0o755 || r.LeftOut.Total != 1 {
		t.Errorf("the mode is %v, left out: %v", info.Mode(), r.LeftOut)
	}
}
