package pg

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/dssctl/dssctl/internal/proc"
)

// VerifyDump reads the file whole, and has pg_restore read its table of
// contents, which may hold nothing but what a dump of ours does. The error says
// what is not as it was written.
func (t Tools) VerifyDump(ctx context.Context, file string, info DumpInfo) error {
	damaged := func(format string, args ...any) error {
		return &Error{Kind: Damaged, Doing: "verify", Where: "the dump " + file, Detail: fmt.Sprintf(format, args...)}
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("verify the dump: %w", err)
	}
	defer f.Close()
	size, sum, err := digest(ctx, f)
	switch {
	case err != nil:
		return fmt.Errorf("verify the dump %s: %w", file, err)
	case size != info.Bytes:
		return damaged("it has %d bytes, written were %d", size, info.Bytes)
	case sum != info.SHA256:
		return damaged("its SHA-256 is %s, written was %s", sum, info.SHA256)
	}
	program, err := t.restorer(ctx, info)
	if err != nil {
		return err
	}
	known := info.known()
	var odd []string
	err = t.stream(ctx, "list the dump "+file, program, []string{"--list", file}, func(r *bufio.Reader) error {
		for {
			line, err := r.ReadString('\n')
			if !known.has(strings.TrimSuffix(line, "\n")) && len(odd) < 20 {
				odd = append(odd, line)
			}
			if err != nil {
				return ended(err)
			}
		}
	})
	if err != nil {
		return err
	}
	if len(odd) > 0 {
		return damaged("it holds what no dump of dssctl does: %s", FirstNames(odd))
	}
	return nil
}

// restorer finds a pg_restore that can read the dump.
func (t Tools) restorer(ctx context.Context, info DumpInfo) (tool, error) {
	var n int
	_, version, _ := strings.Cut(info.Tool, " ")
	if _, err := fmt.Sscanf(version, "%d", &n); err != nil || n < 10 {
		n = 0
	}
	return t.find(ctx, "pg_restore", n)
}

// stream has read take what a program prints, as it comes.
func (t Tools) stream(ctx context.Context, doing string, program tool, args []string, read func(*bufio.Reader) error) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer r.Close()
	ran := make(chan error, 1)
	go func() {
		_, err := t.run(ctx, nil, doing, program, proc.Cmd{Args: args, Stdout: w})
		w.Close()
		ran <- err
	}()
	readErr := read(bufio.NewReaderSize(r, 256<<10))
	r.Close() // a program that still writes ends
	runErr := <-ran
	if readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		return readErr
	}
	return cmp.Or(runErr, readErr)
}

// ended takes the end of a stream for no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// contents are the entries that the list of a dump may have.
type contents struct {
	whole  bool
	schema string
	names  map[string]bool
}

// listed is a name as pg_restore's list shows it.
var listed = strings.NewReplacer("\n", " ", "\r", " ")

func (i DumpInfo) known() contents {
	c := contents{whole: i.Whole, schema: listed.Replace(i.Place.Schema), names: map[string]bool{}}
	for _, t := range i.Tables {
		c.names[listed.Replace(t.Name)] = true
	}
	for _, s := range i.Sequences {
		c.names[listed.Replace(s.Name)] = true
	}
	return c
}

// The kinds of entries by the words of pg_restore's list. Of the last ones,
// the list does not show which table they belong to.
var (
	tableKinds = []string{"TABLE DATA ", "TABLE ", "SEQUENCE SET ", "SEQUENCE OWNED BY ", "SEQUENCE ", "DEFAULT ", "CHECK CONSTRAINT ", "FK CONSTRAINT ", "CONSTRAINT "}
	otherKinds = []string{"INDEX ", "COMMENT ", "STATISTICS "}
	// What no database of a Govern node has.
	foreignKinds = []string{
		"EVENT TRIGGER ", "PROCEDURAL LANGUAGE ", "FOREIGN DATA WRAPPER ", "SERVER ", "USER MAPPING ", "SUBSCRIPTION ",
		"PUBLICATION ", "DATABASE ", "TRANSFORM ", "ACCESS METHOD ",
	}
)

// has reports whether the line of a list is an entry that may be there, or none:
// "215; 1259 16390 TABLE public dss_jobs owner".
func (c contents) has(line string) bool {
	if line == "" || strings.HasPrefix(line, ";") {
		return true
	}
	entry := strings.SplitN(line, " ", 4)
	if len(entry) < 4 {
		return false
	}
	rest := entry[3]
	if c.whole {
		return !slices.ContainsFunc(foreignKinds, func(kind string) bool { return strings.HasPrefix(rest, kind) })
	}
	for _, kind := range tableKinds {
		if after, ok := strings.CutPrefix(rest, kind+c.schema+" "); ok {
			return c.begins(after)
		}
	}
	return slices.ContainsFunc(otherKinds, func(kind string) bool { return strings.HasPrefix(rest, kind+c.schema+" ") })
}

// begins looks for a known name before any of the spaces: names may have some.
func (c contents) begins(s string) bool {
	for at := range len(s) {
		if s[at] == ' ' && c.names[s[:at]] {
			return true
		}
	}
	return c.names[s]
}

// digest reads to the end.
func digest(ctx context.Context, r io.Reader) (int64, string, error) {
	h := sha256.New()
	buffer := make([]byte, 256<<10)
	var size int64
	for {
		if ctx.Err() != nil {
			return 0, "", context.Cause(ctx)
		}
		n, err := r.Read(buffer)
		h.Write(buffer[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return size, hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return 0, "", err
		}
	}
}

// meterFile tells the size of a file that another program writes.
type meterFile struct {
	path  string
	total int64
	tell  func(done, total int64, table string)

	mu    sync.Mutex
	table string
}

func (m *meterFile) line(s string) {
	if name, ok := tableAtWork(s); ok {
		m.mu.Lock()
		m.table = name
		m.mu.Unlock()
	}
}

func (m *meterFile) look() {
	if m.tell == nil {
		return
	}
	info, err := os.Stat(m.path)
	if err != nil {
		return
	}
	m.mu.Lock()
	table := m.table
	m.mu.Unlock()
	m.tell(info.Size(), max(m.total, info.Size()), table)
}
