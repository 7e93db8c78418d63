package dsskit

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed kit
var kitFiles embed.FS

// KitOptions say which kit to build.
type KitOptions struct {
	// Version is the product version, such as "14.4.1" or "12.6.10-hotfix2".
	Version string
	// Seed chooses what is not public of DSS, for instances that are installed without a seed of their own.
	Seed int64
	// CacheDir keeps the compiled programs; see Compile.
	CacheDir string
}

// Build makes a kit in dir, both as the archive dataiku-dss-VERSION.tar.gz and unpacked as dataiku-dss-VERSION/.
func Build(ctx context.Context, dir string, opts KitOptions) (archivePath, kitDir string, err error) {
	jar, err := Compile(ctx, opts.CacheDir)
	if err != nil {
		return "", "", err
	}
	libraries, err := findJars()
	if err != nil {
		return "", "", err
	}
	program, err := os.ReadFile(jar)
	if err != nil {
		return "", "", fmt.Errorf("build a kit: %w", err)
	}
	name := "dataiku-dss-" + opts.Version
	kitDir = filepath.Join(dir, name)
	files := map[string][]byte{
		"dss-version.json": fmt.Appendf(nil, `{"conf_version":"%s","product_version":"%s","product_commitid":"%08x"}`+"\n",
			confVersion(opts.Version), opts.Version, uint32(opts.Seed)),
		"lib/dss.jar":   program,
		"lib/classpath": []byte(joinPaths(libraries) + "\n"),
		"lib/archive":   []byte(filepath.Join(filepath.Dir(jar), archiveName) + "\n"),
		"lib/seed":      fmt.Appendf(nil, "seed=%d\n", opts.Seed),
	}
	if err := fs.WalkDir(kitFiles, "kit", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[strings.TrimPrefix(p, "kit/")], err = kitFiles.ReadFile(p)
		return err
	}); err != nil {
		return "", "", fmt.Errorf("build a kit: %w", err)
	}
	for p, content := range files {
		target := filepath.Join(kitDir, p)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", "", fmt.Errorf("build a kit: %w", err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(string(content), "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(target, content, mode); err != nil {
			return "", "", fmt.Errorf("build a kit: %w", err)
		}
	}
	archivePath = filepath.Join(dir, name+".tar.gz")
	if err := pack(archivePath, dir, name); err != nil {
		return "", "", fmt.Errorf("build the archive of a kit: %w", err)
	}
	return archivePath, kitDir, nil
}

// confVersion is the version of configuration and tables: it moves with major and minor versions, not with patches.
func confVersion(version string) string {
	parts := strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	number := func(i int) int {
		if i >= len(parts) {
			return 0
		}
		n, _ := strconv.Atoi(parts[i])
		return n
	}
	return strconv.Itoa(number(0)*1000 + number(1)*100)
}

func pack(archive, dir, name string) (err error) {
	f, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = filepath.WalkDir(filepath.Join(dir, name), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		h.Name, h.Uname, h.Gname, h.Uid, h.Gid = filepath.ToSlash(relative), "", "", 0, 0
		if d.IsDir() {
			h.Name += "/"
		}
		if err := t.WriteHeader(h); err != nil || d.IsDir() {
			return err
		}
		in, err := os.Open(p)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(t, in)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}
