package runtimedb

import (
	"context"
	"encoding/json"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/internal/secret"
	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
)

const (
	passwordAt = member + "/connection/params/password"
	portAt     = member + "/connection/params/port"
)

// Stands allows for what DSS itself writes into the connection when it saves
// its settings. The place must still be the declared one.
func (configureStep) Stands(ctx context.Context, c *providers.Call) (bool, error) {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return false, err
	}
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return false, err
	}
	l, err := readInstance(c)
	if err != nil {
		return false, err
	}
	if l.External == a.Embedded || !a.Embedded && len(compare(a.Connection, s, l)) > 0 {
		return false, nil
	}
	password := ""
	if a.SetPassword && s.Password != nil {
		password = dss.EncryptedPrefix // for the ciphertext that the run wrote
	}
	return covered(ctx, c, func(doc *jsonedit.Doc) error { return writeConnection(doc, s, a, password) })
}

// Stands allows for what DSS adds, but for another connection.
func (embedStep) Stands(ctx context.Context, c *providers.Call) (bool, error) {
	a, err := decode[connectionArgs](c)
	if err != nil {
		return false, err
	}
	s, err := a.Connection.resolve(c.Secrets)
	if err != nil {
		return false, err
	}
	if l, err := readInstance(c); err != nil || l.External {
		return false, err
	}
	return covered(ctx, c, func(doc *jsonedit.Doc) error { return embed(doc, s) })
}

// covered makes the edit once more, on the kept original, and reports whether
// internalDatabase still holds all of the outcome.
func covered(ctx context.Context, c *providers.Call, change func(*jsonedit.Doc) error) (bool, error) {
	original, existed, kept, err := c.Instance.Original(c.Run, dss.SettingsFile)
	if err != nil || !kept || !existed {
		return false, err
	}
	left, err := jsonedit.Parse(original)
	if err != nil {
		return false, err
	}
	_, hadPassword := left.Get(passwordAt)
	if err := change(left); err != nil {
		return false, err
	}
	now, err := c.Instance.Settings()
	if err != nil {
		return false, err
	}
	recorded, err := c.Recorded(ctx, Name)
	if err != nil {
		return false, err
	}
	// Two that mean the same, and are compared as they stand there now.
	same := map[string]func(written, there []byte) bool{
		portAt: samePort,
		// Which password a ciphertext holds cannot be seen. Where there was none
		// before, undoing puts none back, and it does not matter.
		passwordAt: func(_, there []byte) bool {
			rec := readRecord(recorded).Password
			return !hadPassword || rec != nil && secret.Equal(rec.Stored, storedSum(c.Key, dss.Scalar(there)))
		},
	}
	for at, is := range same {
		written, wrote := left.Get(at)
		there, ok := now.Get(at)
		if wrote && ok && is(written, there) {
			if err := left.Set(at, there); err != nil {
				return false, err
			}
		}
	}
	whole, _ := now.Get(member)
	part, ok := left.Get(member)
	return !ok || jsonedit.Covers(whole, part), nil
}

func samePort(a, b []byte) bool {
	m, isA := dss.PortNumber(json.RawMessage(a))
	n, isB := dss.PortNumber(json.RawMessage(b))
	return isA && isB && m == n
}
