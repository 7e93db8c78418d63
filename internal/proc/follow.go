package proc

import (
	"bytes"
	"context"
	"os"
	"time"
)

const (
	// pollEvery is how often new output is looked for. Polling a file, unlike
	// a pipe, lets the command outlive dssctl.
	pollEvery = 50 * time.Millisecond
	// longestLine bounds a line; the rest of it is dropped. Half of it is
	// shown, so that a secret across the cut is still recognized.
	longestLine = 64 << 10
)

// follow tells tell each line written to the files until the returned function
// is called, which returns when all lines have been told.
func (s *System) follow(tell func(string), hide *redactor, files ...*os.File) (stop func()) {
	if tell == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	tails := make([]*tail, len(files))
	for i, f := range files {
		tails[i] = &tail{file: f, tell: func(line string) { tell(hide.line(line)) }}
	}
	go func() {
		defer close(finished)
		buffer := make([]byte, 32<<10)
		for s.options.Clock.Sleep(ctx, pollEvery) == nil {
			for _, t := range tails {
				t.read(buffer)
			}
		}
		for _, t := range tails {
			t.read(buffer)
			t.flush()
		}
	}()
	return func() {
		cancel()
		<-finished
	}
}

// tail reads a growing file line by line.
type tail struct {
	file    *os.File
	tell    func(string)
	offset  int64
	pending []byte
}

// read tells the whole lines that were added.
func (t *tail) read(buffer []byte) {
	for {
		n, err := t.file.ReadAt(buffer, t.offset)
		t.offset += int64(n)
		t.add(buffer[:n])
		if n == 0 || err != nil {
			return
		}
	}
}

func (t *tail) add(b []byte) {
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte{'\n'})
		if room := longestLine - len(t.pending); len(line) > room {
			line = line[:room]
		}
		t.pending = append(t.pending, line...)
		if whole {
			t.emit()
		}
		b = rest
	}
}

func (t *tail) emit() {
	line := bytes.TrimSuffix(t.pending, []byte{'\r'})
	t.tell(string(line))
	t.pending = t.pending[:0]
}

// flush tells the last line where it has no end.
func (t *tail) flush() {
	if len(t.pending) > 0 {
		t.emit()
	}
}
