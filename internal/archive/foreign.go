package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// foreign is a tar without an index, such as tar makes.
type foreign struct {
	io.Reader
	file *os.File
	dec  io.Closer
}

// mostForeignWindow bounds what a zstd stream may ask the decoder to remember: as
// much as zstd's own highest usual level.
const mostForeignWindow = 64 << 20

func openForeign(name string) (*foreign, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	in := bufio.NewReaderSize(f, 1<<20)
	magic, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	out := &foreign{Reader: in, file: f}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		dec, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(mostForeignWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			f.Close()
			return nil, err
		}
		out.Reader, out.dec = dec, dec.IOReadCloser()
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		dec, err := gzip.NewReader(in)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("read %s: %w: %w", name, ErrDamaged, err)
		}
		out.Reader, out.dec = dec, dec
	}
	return out, nil
}

func (f *foreign) Close() {
	if f.dec != nil {
		f.dec.Close()
	}
	f.file.Close()
}

func (f *foreign) seek(run) error { return errors.New("a tar without an index cannot be searched") }

func (f *foreign) expect(string) (Member, error) {
	return Member{}, errors.New("a tar without an index does not say what to expect")
}
