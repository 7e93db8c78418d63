// Package tree makes trees of files as DSS data directories are: very many small
// JSON, Python and log files, a few large ones, links, and nothing twice. The same
// seed makes the same tree.
package tree

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Shape of a tree.
type Shape struct {
	Files int // small ones
	// PerFolder is how many of them stand in one folder, on average.
	PerFolder int
	// Least and Most bytes of a small file.
	Least, Most int
	// Large is the sizes of the large files.
	Large []int64
	Seed  uint64
}

// DataDir is a data directory of about 3.4 GB: 200,000 files in 64,000 folders.
func DataDir() Shape {
	const mb = 1e6
	return Shape{Files: 200_000, PerFolder: 3, Least: 500, Most: 17_000, Large: []int64{500 * mb, 400 * mb, 300 * mb, 200 * mb, 150 * mb, 100 * mb}, Seed: 1}
}

// Many is a million small files.
func Many() Shape {
	return Shape{Files: 1_000_000, PerFolder: 10, Least: 200, Most: 3_600, Seed: 2}
}

// Part is a share of a shape, for a quick look.
func (s Shape) Part(of int) Shape {
	s.Files /= of
	large := make([]int64, len(s.Large))
	for i := range s.Large {
		large[i] = s.Large[i] / int64(of)
	}
	s.Large = large
	return s
}

// Make makes the tree in root, which must not be there yet. What was broken off
// does not count: a last file says that all is there.
func Make(root string, s Shape) error {
	done := root + ".complete"
	text := fmt.Sprintf("%+v\n", s)
	if was, err := os.ReadFile(done); err == nil && string(was) == text {
		return nil
	}
	if _, err := os.Lstat(root); err == nil {
		return fmt.Errorf("make the tree %s: something is there that is not this tree; remove it", root)
	}
	m := &maker{random: rand.New(rand.NewPCG(s.Seed, 7)), buf: make([]byte, 1<<20)}
	m.words()
	folders := []string{"config/projects", "jobs", "scenarios", "saved_models", "analysis-data", "code-envs", "managed_datasets", "run"}
	n := 0
	for f := 0; n < s.Files; f++ {
		dir := filepath.Join(root, folders[f%len(folders)], fmt.Sprintf("PROJECT_%03d", f/8%100), fmt.Sprintf("item-%05d", f/800))
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		for range min(1+m.random.IntN(2*s.PerFolder), s.Files-n) {
			size := s.Least + m.random.IntN(s.Most-s.Least)
			if err := m.file(filepath.Join(dir, m.name(n)), int64(size), n); err != nil {
				return err
			}
			n++
		}
		if f%50 == 0 {
			if err := os.Symlink("../..", filepath.Join(dir, "latest")); err != nil {
				return err
			}
		}
	}
	for i, size := range s.Large {
		dir := filepath.Join(root, "uploads")
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := m.file(filepath.Join(dir, fmt.Sprintf("large-%d.csv", i)), size, i); err != nil {
			return err
		}
	}
	return os.WriteFile(done, []byte(text), 0o600)
}

type maker struct {
	random *rand.Rand
	list   []string
	buf    []byte
}

func (m *maker) words() {
	for range 4000 {
		b := make([]byte, 3+m.random.IntN(9))
		for i := range b {
			b[i] = 'a' + byte(m.random.IntN(26))
		}
		m.list = append(m.list, string(b))
	}
}

func (m *maker) name(n int) string {
	endings := []string{"json", "json", "py", "log", "json", "txt"}
	return fmt.Sprintf("%s-%06d.%s", m.list[m.random.IntN(len(m.list))], n, endings[n%len(endings)])
}

// file writes lines of words, numbers and identifiers.
func (m *maker) file(path string, size int64, n int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<18)
	for size > 0 {
		line := m.line(n)
		line = line[:min(int64(len(line)), size)]
		if _, err := w.Write(line); err != nil {
			return err
		}
		size -= int64(len(line))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func (m *maker) line(n int) []byte {
	word := func() string { return m.list[m.random.IntN(len(m.list))] }
	b := m.buf[:0]
	switch n % 3 {
	case 0:
		b = fmt.Appendf(b, "  %q: {\"id\": \"%016x\", \"type\": %q, \"rows\": %d, \"description\": \"%s %s %s\"},\n", word(), m.random.Uint64(), word(), m.random.IntN(1e6), word(), word(), word())
	case 1:
		b = fmt.Appendf(b, "[2026/11/%02d-%02d:%02d:%02d.%03d] [%s] [INFO] [dku.%s] - %s %s took %d ms\n", 1+m.random.IntN(28), m.random.IntN(24), m.random.IntN(60), m.random.IntN(60), m.random.IntN(1000), word(), word(), word(), word(), m.random.IntN(1e5))
	default:
		b = fmt.Appendf(b, "%d,%s,%.4f,%s %s,%08x\n", m.random.IntN(1e7), word(), m.random.Float64()*1000, word(), word(), m.random.Uint32())
	}
	return b
}
