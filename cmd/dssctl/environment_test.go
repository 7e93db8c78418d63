package main

import "testing"

// The PG… variables of the account's profile have no influence on connections that
// the files declare.
func TestPostgreSQLVariablesDoNotReachIn(t *testing.T) {
	t.Parallel()
	l := exampleOf("single").lab(t, 61)
	l.env = append(l.env, "PGSERVICE=nope", "PGSERVICEFILE=/nope", "PGSSLROOTCERT=/nope", "PGTARGETSESSIONATTRS=standby", "PGCHANNELBINDING=require",
		"PGSSLNEGOTIATION=direct", "PGREQUIREAUTH=none", "PGOPTIONS=-c search_path=nope", "PGHOST=192.0.2.1", "PGSSLMODE=verify-full")
	l.run("plan", "-detailed-exitcode").must(t, 2)
}
