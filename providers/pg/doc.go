// Package pg is all that the aspects say to PostgreSQL: it looks at a server
// without touching it, rehearses what DSS will need, makes and drops exactly
// named tables, carries the tables of one prefix from one place to another,
// dumps and restores them with PostgreSQL's own programs, and sets them aside.
// It knows nothing of DSS or plans. Every error it returns about a server is an
// *Error of its own words: the driver's errors can hold a connection string, and
// a program's can quote rows.
package pg
