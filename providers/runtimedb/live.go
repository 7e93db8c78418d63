package runtimedb

import (
	"bytes"

	"github.com/dssctl/dssctl/providers/dss"
)

// live is how the instance is set up now.
type live = dss.RuntimeDatabase

// member is the place in general-settings.json.
const member = dss.RuntimeDatabaseMember

// target is what DSS really connects to. ok is false when its URL is not
// understood.
func target(l live) (s settings, ok bool) {
	login, place, err := l.Target()
	return settings{
		Host: login.Host, Port: login.Port, Database: login.Database, User: login.User,
		effective: login.Properties, place: place,
	}, err == nil
}

func isNull(raw []byte) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }
