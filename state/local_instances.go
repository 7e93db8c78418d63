package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/dssctl/dssctl/internal/atomicfile"
	"github.com/dssctl/dssctl/internal/secret"
)

const (
	stateName = "state.json"
	keyName   = "key"
)

// load returns the state, or nil when there is none.
func (l *Local) load() (*stateFile, error) {
	b, err := l.read(stateName)
	if err != nil || b == nil {
		return nil, err
	}
	return decodeState(l.path(stateName), b)
}

// save writes s with the next serial.
func (l *Local) save(s *stateFile) error {
	s.Serial++
	b, err := encode(s)
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	err = atomicfile.Sweep(l.dir, stateName) // the caller holds the file's lock
	if err == nil {
		err = atomicfile.Write(l.path(stateName), b, fileMode)
	}
	if err != nil {
		return fmt.Errorf("write the state (the former one is untouched): %w", err)
	}
	return nil
}

// Meta returns the identity. A lost key is made anew: fingerprints made with
// the former one are then simply not recognized.
func (l *Local) Meta(ctx context.Context) (Meta, error) {
	if _, err := l.check(); err != nil {
		return Meta{}, err
	}
	s, err := l.load()
	if err != nil {
		return Meta{}, err
	}
	key, err := l.loadKey()
	if err != nil {
		return Meta{}, err
	}
	if s == nil || key == nil {
		err = l.change(ctx, func() error {
			s, key, err = l.identity()
			return err
		})
		if err != nil {
			return Meta{}, err
		}
	}
	return Meta{Lineage: s.Lineage, Serial: s.Serial, Key: key}, nil
}

// identity makes what is missing of lineage and key, inside a change.
func (l *Local) identity() (*stateFile, secret.Key, error) {
	key, err := l.loadKey()
	if err != nil {
		return nil, nil, err
	}
	if key == nil {
		if key, err = secret.NewKey(); err != nil {
			return nil, nil, err
		}
		text := []byte(hex.EncodeToString(key) + "\n")
		if err := atomicfile.Sweep(l.dir, keyName); err != nil {
			return nil, nil, fmt.Errorf("write the key of the state: %w", err)
		}
		if err := atomicfile.Write(l.path(keyName), text, fileMode); err != nil {
			return nil, nil, fmt.Errorf("write the key of the state: %w", err)
		}
	}
	s, err := l.loadOrNew()
	if err == nil && s.Serial == 0 {
		err = l.save(s)
	}
	return s, key, err
}

// loadOrNew returns the state, or a new one with serial 0 that is not saved.
func (l *Local) loadOrNew() (*stateFile, error) {
	s, err := l.load()
	if err != nil || s != nil {
		return s, err
	}
	return newState()
}

func newState() (*stateFile, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("make the state's name: %w", err)
	}
	return &stateFile{
		FormatVersion: stateFormat,
		Lineage:       hex.EncodeToString(b[:]),
		Instances:     map[string]Instance{},
	}, nil
}

func (l *Local) loadKey() (secret.Key, error) {
	b, err := l.read(keyName)
	if err != nil || b == nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != 32 {
		return nil, &FileError{
			Path: l.path(keyName), Found: "it is not a key of 64 hexadecimal digits",
			Advice: "Put a good copy back, or move the file away: a new key is made then, and the fingerprints of secrets are not recognized any more",
		}
	}
	return key, nil
}

// Instances returns every record by address.
func (l *Local) Instances(context.Context) (map[string]Instance, error) {
	if _, err := l.check(); err != nil {
		return nil, err
	}
	s, err := l.load()
	if err != nil {
		return nil, err
	}
	if s == nil || s.Instances == nil {
		return map[string]Instance{}, nil
	}
	return s.Instances, nil
}

// Update changes one instance's record.
func (l *Local) Update(ctx context.Context, address string, f func(*Instance) error) error {
	return l.UpdateAll(ctx, []string{address}, func(_ string, in *Instance) error { return f(in) })
}

// UpdateAll changes the records of several instances. The file is written once:
// it holds all of them, so that one write for each would take quadratic time.
func (l *Local) UpdateAll(ctx context.Context, addresses []string, f func(address string, in *Instance) error) error {
	return l.change(ctx, func() error {
		s, err := l.loadOrNew()
		if err != nil {
			return err
		}
		if s.Instances == nil {
			s.Instances = map[string]Instance{}
		}
		changed := false
		for _, address := range addresses {
			in, known := s.Instances[address]
			switch err := f(address, &in); {
			case errors.Is(err, ErrNotFound):
				delete(s.Instances, address)
				changed = changed || known
			case err != nil:
				return err
			default:
				in.Updated = l.o.Clock.Now()
				s.Instances[address] = in
				changed = true
			}
		}
		if !changed {
			return nil
		}
		return l.save(s)
	})
}
