package dss

import (
	"sync"

	"github.com/dssctl/dssctl/internal/iniedit"
	"github.com/dssctl/dssctl/internal/jsonedit"
)

// Frozen returns the same instance, whose files are read once: whatever is
// asked later is answered from the same bytes. It is for planning, so that
// fingerprints are of what the decisions were based on. Edits read anew.
func (in *Instance) Frozen() *Instance {
	out := *in
	out.frozen = &frozenFiles{files: map[string]*frozenFile{}}
	return &out
}

type frozenFiles struct {
	mu    sync.Mutex
	files map[string]*frozenFile
	// What is asked for by several aspects is parsed once.
	settings parsed[jsonedit.Doc]
	ini      parsed[iniedit.File]
}

// parsed is a file that was parsed once.
type parsed[T any] struct {
	once sync.Once
	v    *T
	err  error
}

func (p *parsed[T]) get(read func() (*T, error), clone func(*T) *T) (*T, error) {
	p.once.Do(func() { p.v, p.err = read() })
	if p.err != nil {
		return nil, p.err
	}
	return clone(p.v), nil
}

type frozenFile struct {
	once sync.Once
	data []byte
	err  error
}

// readFile reads a file of the instance whole; the bytes must not be changed.
func (in *Instance) readFile(path string) ([]byte, error) {
	if in.frozen == nil {
		return readFile(path)
	}
	in.frozen.mu.Lock()
	f := in.frozen.files[path]
	if f == nil {
		f = &frozenFile{}
		in.frozen.files[path] = f
	}
	in.frozen.mu.Unlock()
	f.once.Do(func() { f.data, f.err = readFile(path) })
	return f.data, f.err
}
