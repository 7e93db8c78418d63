package settings

import (
	"context"
	"errors"
	"io/fs"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers"
)

// observation is what the file says at the declared places.
type observation struct {
	// missing says that there is no file.
	missing bool
	live    map[string]found // by pointer
}

// found is what stands at one place.
type found struct {
	raw []byte // nil when there is nothing
	// blocked is the place above that is there and no object, "" for none: a
	// member below it can only be set by making it one.
	blocked string
}

// Observe reads the file when general_settings is declared.
func (*Provider) Observe(_ context.Context, req providers.ObserveRequest) (providers.Observation, error) {
	o := &observation{live: map[string]found{}}
	b := declared(req.Desired)
	if b == nil {
		return o, nil
	}
	leaves, err := leavesOf(b)
	if err != nil || len(leaves) == 0 {
		return o, nil //nolint:nilerr // Propose reports it with its place
	}
	doc, err := req.Instance.Settings()
	if errors.Is(err, fs.ErrNotExist) {
		o.missing = true
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range leaves {
		o.live[leaves[i].pointer()] = look(doc, leaves[i].Keys)
	}
	return o, nil
}

// look reads one place.
func look(doc *jsonedit.Doc, keys []string) found {
	if at := blockedAt(doc, keys); at != "" {
		return found{blocked: at}
	}
	raw, _ := doc.Get(jsonedit.Pointer(keys...))
	return found{raw: raw}
}

// blockedAt returns the first place above the keys that is there and no object.
func blockedAt(doc *jsonedit.Doc, keys []string) string {
	for i := 1; i < len(keys); i++ {
		at := jsonedit.Pointer(keys[:i]...)
		raw, ok := doc.Get(at)
		switch {
		case !ok:
			return ""
		case raw[0] != '{':
			return at
		}
	}
	return ""
}
