package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// member of a made-up archive.
type member struct {
	name, content, link string
	typ                 byte
	mode                int64
}

func good(version string) []member {
	top := "dataiku-dss-" + version + "/"
	return []member{
		{name: top, typ: tar.TypeDir, mode: 0o755},
		{name: top + "dss-version.json", content: `{"product_version":"` + version + `"}`, mode: 0o644},
		{name: top + "installer.sh", content: "#!/bin/sh\n", mode: 0o755},
		{name: top + "bin/link", typ: tar.TypeSymlink, link: "../installer.sh"},
	}
}

// pack writes an archive and returns its checksum.
func pack(t *testing.T, path string, members []member) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, m := range members {
		if m.typ == 0 {
			m.typ = tar.TypeReg
		}
		h := &tar.Header{Name: m.name, Typeflag: m.typ, Linkname: m.link, Mode: m.mode, Size: int64(len(m.content))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(s[:])
}

func TestInspect(t *testing.T) {
	const folder = "dataiku-dss-14.4.1"
	with := func(more ...member) []member { return append(good("14.4.1"), more...) }
	cases := map[string]struct {
		members []member
		sum     string // "" for the right one
		cut     int    // bytes off the end
		want    string // in the error; "" for none
	}{
		"good":                {members: good("14.4.1")},
		"wrong checksum":      {members: good("14.4.1"), sum: strings.Repeat("ab", 32), want: "its SHA-256 is"},
		"damaged":             {members: good("14.4.1"), cut: 20, want: "its SHA-256 is"},
		"another version":     {members: good("14.4.0"), want: `"dataiku-dss-14.4.0"`},
		"climbs":              {members: with(member{name: folder + "/../../evil"}), want: "leaves its folder"},
		"absolute":            {members: with(member{name: "/etc/cron.d/evil"}), want: "leaves its folder"},
		"beside":              {members: with(member{name: "evil"}), want: `"evil"`},
		"similar name":        {members: with(member{name: folder + "-evil/x"}), want: folder + "-evil"},
		"hard link out":       {members: with(member{name: folder + "/x", typ: tar.TypeLink, link: "../../etc/passwd"}), want: "leads out"},
		"device":              {members: with(member{name: folder + "/null", typ: tar.TypeChar}), want: "special file"},
		"installer is a link": {members: []member{good("14.4.1")[1], {name: folder + "/installer.sh", typ: tar.TypeSymlink, link: "/bin/true"}}, want: "no kit of DSS"},
		"no installer":        {members: good("14.4.1")[:2], want: "installer.sh"},
		"no version":          {members: good("14.4.1")[2:], want: "dss-version.json"},
		"version is no JSON":  {members: []member{{name: folder + "/dss-version.json", content: "{"}}, want: "JSON"},
		"version is a path":   {members: []member{{name: folder + "/dss-version.json", content: `{"product_version":"../1"}`}}, want: "product_version"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kit.tar.gz")
			sum := pack(t, path, c.members)
			if c.sum != "" {
				sum = c.sum
			}
			if c.cut > 0 {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, raw[:len(raw)-c.cut], 0o644); err != nil {
					t.Fatal(err)
				}
			}
			in, err := inspect(context.Background(), path, folder, sum, nil)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("want %q, got %v", c.want, err)
			case c.want == "" && (in.Version != "14.4.1" || in.Members != 4 || in.Bytes == 0):
				t.Fatalf("got %+v", in)
			}
		})
	}
	// Without a checksum, what gzip itself checks is checked.
	path := filepath.Join(t.TempDir(), "kit.tar.gz")
	pack(t, path, good("14.4.1"))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(context.Background(), path, folder, "", nil); err == nil {
		t.Error("a flipped bit is not noticed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := inspect(ctx, path, folder, "", nil); err == nil {
		t.Error("it cannot be cancelled")
	}
}
