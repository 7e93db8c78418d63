package lsp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxMessage holds a file of the greatest size that is read, escaped.
	maxMessage = 64 << 20
	maxHeader  = 4 << 10
)

// errGone: the client closed its end.
var errGone = errors.New("the client went away")

// stream frames messages with a header, as the protocol says. It takes no more
// memory than has arrived, and answers what is no JSON by itself.
type stream struct {
	r *bufio.Reader

	mu   sync.Mutex
	w    io.Writer
	shut func() error

	answered func() // waits until all requests are, see ReadObject
	failed   error  // why reading ended
}

func newStream(in io.Reader, out io.Writer, shut func() error, answered func()) *stream {
	return &stream{r: bufio.NewReader(in), w: out, shut: shut, answered: answered}
}

// ReadObject reads the next message that is one. It does not tell that there is
// no other, which ends the connection, before all are answered: a client may send
// all that it has to say, and close its end.
func (s *stream) ReadObject(v any) error {
	for {
		body, err := s.frame()
		if err != nil {
			s.failed = err
			s.answered()
			return err
		}
		if err = json.Unmarshal(body, v); err == nil {
			return nil
		}
		answer := json.RawMessage(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the message is no JSON-RPC"}}`)
		if err := s.WriteObject(answer); err != nil {
			s.failed = err
			return err
		}
	}
}

// frame reads a header and what it announces.
func (s *stream) frame() ([]byte, error) {
	length := -1
	for header := 0; ; {
		line, err := s.r.ReadSlice('\n')
		if header += len(line); errors.Is(err, bufio.ErrBufferFull) || header > maxHeader {
			return nil, fmt.Errorf("read a message: its header has more than %d bytes", maxHeader)
		}
		if err != nil {
			return nil, gone(err)
		}
		text := strings.TrimSpace(string(line))
		if text == "" {
			break
		}
		name, value, _ := strings.Cut(text, ":")
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessage {
			return nil, fmt.Errorf("read a message: its Content-Length must be a number of 0 to %d", maxMessage)
		}
	}
	if length < 0 {
		return nil, errors.New("read a message: it has no Content-Length; this end speaks the Language Server Protocol, see docs/how-to/editor.md")
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, s.r, int64(length)); err != nil {
		return nil, gone(err)
	}
	return body.Bytes(), nil
}

func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return errGone
	}
	return fmt.Errorf("read a message: %w", err)
}

// WriteObject writes a message at once.
func (s *stream) WriteObject(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.w.Write(append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...))
	return err
}

// Close ends reading, where what is read from can be closed.
func (s *stream) Close() error { return s.shut() }
