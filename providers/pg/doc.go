// Package pg is all that the aspects say to PostgreSQL: it looks at a server without touching it, rehearses what DSS will need, makes
// and drops exactly named tables, and carries the tables of one prefix from one
// place to another. It knows nothing of DSS, plans or files. Every error it
// returns is an *Error of its own words: the driver's errors can hold a
// connection string.
package pg
