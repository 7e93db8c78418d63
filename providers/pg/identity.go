package pg

import (
	"context"
	"strings"
)

// Identity tells one database of one running server from every other, whatever
// name, address or pooler leads to it.
type Identity struct {
	// System is the cluster's own number, "" where the role may not read it. A copy
	// of a cluster has the same, so the server's start counts too.
	System string
	// Running is the server's start and the database's number.
	Running string
}

// Same reports whether both are the same database. Two that were never asked are
// not.
func (i Identity) Same(j Identity) bool {
	if i.Running == "" || i.Running != j.Running {
		return false
	}
	return i.System == "" || j.System == "" || i.System == j.System
}

// Identify asks the server who it is.
func Identify(ctx context.Context, l Login) (Identity, error) {
	c, err := Connect(ctx, l)
	if err != nil {
		return Identity{}, err
	}
	defer c.Close()
	var i Identity
	err = c.QueryRow(ctx, `SELECT `+running+` FROM pg_database d WHERE d.datname = current_database()`).Scan(&i.Running)
	if err != nil {
		return Identity{}, c.fail(ctx, "identify", err)
	}
	// Since 9.6, and where nobody took the right away.
	var system string
	if err := c.QueryRow(ctx, `SELECT system_identifier::text FROM pg_catalog.pg_control_system()`).Scan(&system); err == nil {
		i.System = strings.TrimSpace(system)
	}
	return i, nil
}

// running is SQL for Identity.Running, of the database d.
const running = `to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || '/' || d.oid::text`
