package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// The index is JSON lines, compressed with zstd: what it is, then each block
// followed by the members that end in it, and at last the sums. See wire.go.

// indexWriter writes the lines. Its first error stays.
type indexWriter struct {
	enc *zstd.Encoder
	sum hash.Hash
	buf []byte
	err error
}

func newIndexWriter(w io.Writer, c Compression) (*indexWriter, error) {
	x := &indexWriter{sum: sha256.New()}
	enc, err := zstd.NewWriter(io.MultiWriter(w, x.sum), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(indexWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	x.enc = enc
	x.line(fmt.Appendf(nil, `{"format":%q,"version":%d,"compression":%q}`, indexFormat, indexVersion, compressionNames[c]))
	return x, nil
}

func (x *indexWriter) line(b []byte) {
	if x.err != nil {
		return
	}
	if _, err := x.enc.Write(append(b, '\n')); err != nil {
		x.err = fmt.Errorf("write the index: %w", err)
	}
}

func (x *indexWriter) block(r blockRecord) {
	x.buf = appendBlock(x.buf[:0], r)
	x.line(x.buf)
}

func (x *indexWriter) member(m *Member) {
	x.buf = appendMember(x.buf[:0], m)
	x.line(x.buf)
}

// close writes the last line and returns the SHA-256 of the index.
func (x *indexWriter) close(e endRecord) (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	x.line(b)
	if err := x.enc.Close(); err != nil && x.err == nil {
		x.err = fmt.Errorf("write the index: %w", err)
	}
	return hex.EncodeToString(x.sum.Sum(nil)), x.err
}

// indexReader reads the lines of an index that may come from anybody.
type indexReader struct {
	name string
	file *os.File
	dec  *zstd.Decoder
	sum  hash.Hash
	in   *bufio.Reader
	line int64
	kind Compression
	end  *endRecord
}

// The bounds of an index: of a line, and of what the decoder may need.
const (
	indexWindow = 1 << 20
	mostLine    = 256 << 10
	mostWindow  = 8 << 20
)

func openIndex(name string) (*indexReader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	x := &indexReader{name: name, file: f, sum: sha256.New()}
	x.dec, err = zstd.NewReader(io.TeeReader(f, x.sum), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindow))
	if err != nil {
		f.Close()
		return nil, err
	}
	x.in = bufio.NewReaderSize(x.dec, mostLine)
	var head headRecord
	b, err := x.bytes()
	if err == nil {
		err = json.Unmarshal(b, &head)
	}
	if err == nil && head.Format != indexFormat {
		err = fmt.Errorf("found the format %.40q, expected %q", head.Format, indexFormat)
	}
	if err == nil && head.Version != indexVersion {
		err = fmt.Errorf("found version %d of the format, expected %d: use the program that wrote it", head.Version, indexVersion)
	}
	if err == nil {
		x.kind, err = compressionOf(head.Compression)
	}
	if err != nil {
		x.close()
		return nil, x.damaged(err)
	}
	return x, nil
}

func (x *indexReader) close() {
	x.dec.Close()
	x.file.Close()
}

func (x *indexReader) damaged(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("read the index %s, line %d: %w: %w", x.name, x.line, ErrDamaged, err)
}

func (x *indexReader) bytes() ([]byte, error) {
	b, err := x.in.ReadSlice('\n')
	x.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("the line is longer than %d bytes", mostLine)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it ends too early: the last line, with the sums, is missing")
	case err != nil:
		return nil, err
	}
	return b[:len(b)-1], nil
}

// next returns the next block or member; both are nil at the end, where x.end is
// set and nothing follows.
func (x *indexReader) next() (*blockRecord, *Member, error) {
	if x.end != nil {
		return nil, nil, nil
	}
	b, err := x.bytes()
	if err != nil {
		return nil, nil, x.damaged(err)
	}
	w, err := readLine(b)
	if err != nil {
		return nil, nil, x.damaged(err)
	}
	switch {
	case w.End:
		if n, err := io.Copy(io.Discard, x.in); n > 0 || err != nil {
			return nil, nil, x.damaged(fmt.Errorf("found %d bytes behind the last line (%w)", n, err))
		}
		x.end = &endRecord{End: true, Members: w.Members, Raw: w.Raw, Stored: w.Stored, SHA256: w.SHA256}
		return nil, nil, nil
	case w.CRC != "":
		r, err := w.block()
		if err != nil {
			return nil, nil, x.damaged(err)
		}
		return &r, nil, nil
	default:
		m, err := w.member()
		if err != nil {
			return nil, nil, x.damaged(err)
		}
		return nil, &m, nil
	}
}

// compare compares the sum of an index that was read to its end.
func (x *indexReader) compare(expected string) error {
	// Also what the decoder had no need of.
	if _, err := io.Copy(x.sum, x.file); err != nil {
		return x.damaged(err)
	}
	if got := hex.EncodeToString(x.sum.Sum(nil)); expected != "" && got != expected {
		return fmt.Errorf("read the index %s: %w: its SHA-256 is %s, expected %s", x.name, ErrDamaged, got, expected)
	}
	return nil
}

// List hands over every member of an index, in the order of the archive.
func List(ctx context.Context, index string, f func(Member) error) error {
	x, err := openIndex(index)
	if err != nil {
		return err
	}
	defer x.close()
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		b, m, err := x.next()
		if err != nil {
			return err
		}
		if b == nil && m == nil {
			return nil
		}
		if m == nil {
			continue
		}
		if err := f(*m); err != nil {
			return err
		}
	}
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			q, _ := json.Marshal(s)
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendPath appends "name":"…", or "name_base64":"…" where it is not UTF-8.
func appendPath(b []byte, name, path string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	if utf8.ValidString(path) {
		b = append(b, `":`...)
		return appendString(b, path)
	}
	b = append(b, `_base64":`...)
	q, _ := json.Marshal([]byte(path))
	return append(b, q...)
}

func appendInt(b []byte, name string, n int64) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, n, 10)
}
