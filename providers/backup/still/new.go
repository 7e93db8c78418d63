package still

import (
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/clock"
	"github.com/dssctl/dssctl/internal/event"
	"github.com/dssctl/dssctl/internal/proc"
)

// New returns the Snapshotter of a kind. Auto looks at the file system of the
// data directory. The error says what was found and what to choose.
func New(kind string, o Options) (Snapshotter, error) {
	o = o.withDefaults()
	if kind == Auto {
		all, err := readMounts()
		if err != nil {
			return nil, err
		}
		if kind, err = detect(all, o.DataDir, blockDevices); err != nil {
			return nil, err
		}
	}
	switch kind {
	case Btrfs:
		return newBtrfs(o), nil
	case ZFS:
		return newZFS(o), nil
	case LVM:
		return orError(newLVM(o))
	case Custom:
		return orError(newCustom(o))
	case Reflinks:
		return newReflinks(o), nil
	}
	return nil, fmt.Errorf("hold the data directory still: there is no kind %q: choose one of %s", kind, strings.Join(Kinds(), ", "))
}

// orError keeps a nil pointer from becoming a Snapshotter that is not nil.
func orError[T Snapshotter](s T, err error) (Snapshotter, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Runner == nil {
		o.Runner = proc.New(proc.Options{Redactor: o.Redactor})
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(event.Progress) {}
	}
	if o.Size == "" {
		o.Size = DefaultSize
	}
	if o.Commands.Timeout == 0 {
		o.Commands.Timeout = DefaultTimeout
	}
	return o
}
