package set

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/providers/backup/method"
)

// maxSums bounds a file of checksums: a set has a handful of files.
const maxSums = 1 << 20

// Sums are checksums by file name, in hexadecimal.
type Sums map[string]string

// Seal writes SHA256SUMS over the regular files that lie directly in the
// folder. known are sums taken while the files were written, which need not be
// read again. What lies deeper is the method's to prove. told is given the
// bytes read so far.
func Seal(ctx context.Context, folder string, known Sums, told func(int64)) error {
	sums := Sums{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("seal a backup set: %w", err)
	}
	var read int64
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || name == SumsName || isMark(name) {
			continue
		}
		sum, ok := known[name]
		if !ok {
			before := read
			if sum, err = hashFile(ctx, filepath.Join(folder, name), func(n int64) { read = before + n; told(read) }); err != nil {
				return fmt.Errorf("seal a backup set: %w", err)
			}
		}
		sums[name] = sum
	}
	return atomicfile.Write(filepath.Join(folder, SumsName), sums.bytes(), 0o600)
}

// bytes is the format of sha256sum, which escapes nothing here: the names are
// dssctl's own.
func (s Sums) bytes() []byte {
	var b bytes.Buffer
	for _, name := range s.names() {
		fmt.Fprintf(&b, "%s  %s\n", s[name], name)
	}
	return b.Bytes()
}

func (s Sums) names() []string {
	names := make([]string, 0, len(s))
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// readSums reads strictly: whatever a flipped bit makes of the file is an error
// or another sum.
func readSums(folder string) (Sums, error) {
	path := filepath.Join(folder, SumsName)
	raw, err := readBounded(path, maxSums)
	if err != nil {
		return nil, err
	}
	sums := Sums{}
	sc := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; sc.Scan(); n++ {
		sum, name, ok := strings.Cut(sc.Text(), "  ")
		if _, err := hex.DecodeString(sum); err != nil || !ok || len(sum) != 2*sha256.Size || strings.ToLower(sum) != sum ||
			name == "" || name != filepath.Base(name) || name == "." || name == ".." {
			return nil, fmt.Errorf("%s, line %d: expected a SHA-256 and a file name", path, n)
		}
		if _, ok := sums[name]; ok {
			return nil, fmt.Errorf("%s, line %d: %s stands there twice", path, n, name)
		}
		sums[name] = sum
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !bytes.Equal(sums.bytes(), raw) {
		return nil, fmt.Errorf("%s is not as dssctl wrote it", path)
	}
	return sums, nil
}

// readChecked reads a published set's manifest and compares it with its sum.
func readChecked(folder string) (Manifest, error) {
	sums, err := readSums(folder)
	if err != nil {
		return Manifest{}, err
	}
	path := filepath.Join(folder, ManifestName)
	raw, err := readBounded(path, maxManifest)
	if err != nil {
		return Manifest{}, err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != sums[ManifestName] {
		return Manifest{}, fmt.Errorf("%s is not what %s says", path, SumsName)
	}
	return parse(path, raw)
}

// VerifyFiles reads every file that the set's checksums name, and looks that no
// other lies beside them. skip names files that the method proves by itself.
// told is given the bytes read so far. A difference is a *method.DamageError.
func VerifyFiles(ctx context.Context, e Entry, skip func(name string) bool, told func(int64)) error {
	damage := func(what, found string) error { return &method.DamageError{Set: e.ID, What: what, Found: found} }
	sums, err := readSums(e.Folder)
	if err != nil && unreadable(err) {
		return fmt.Errorf("verify the backup set %s: %w", e.ID, err)
	}
	if err != nil {
		return damage(SumsName, err.Error())
	}
	entries, err := os.ReadDir(e.Folder)
	if err != nil {
		return fmt.Errorf("verify the backup set %s: %w", e.ID, err)
	}
	for _, f := range entries {
		if name := f.Name(); name != SumsName && !isMark(name) && !f.IsDir() && sums[name] == "" {
			return damage(name, "no checksum was written for it")
		}
	}
	var read int64
	for _, name := range sums.names() {
		if skip != nil && skip(name) {
			continue
		}
		before := read
		sum, err := hashFile(ctx, filepath.Join(e.Folder, name), func(n int64) { read = before + n; told(read) })
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return damage(name, "it is missing")
		case err != nil:
			return fmt.Errorf("verify the backup set %s: %w", e.ID, err)
		case sum != sums[name]:
			return damage(name, "its SHA-256 is "+sum+", written was "+sums[name])
		}
	}
	return nil
}

// hashFile reads a regular file.
func hashFile(ctx context.Context, path string, told func(int64)) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is no regular file", path))
	}
	h := sha256.New()
	buf := make([]byte, 1<<20)
	var sum int64
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		sum += int64(n)
		told(sum)
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
