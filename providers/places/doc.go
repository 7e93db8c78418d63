// Package places answers whose a place in PostgreSQL is: before tables are
// loaded, copied or set aside there, whoever writes asks it.
//
// A place is a server, a database, a schema and a prefix. Who lives there is read
// from the instances' own files, whatever the form of their connection, and servers
// are compared by what they say of themselves, not by the spelling of a host. What
// is not known of an instance is made up for by looking at the place: nobody
// loses tables where there are none.
//
// Start with Search.Look. The package knows live instances (providers/dss) and
// PostgreSQL (providers/pg). It must not know plans, aspects, or files of an
// estate.
package places
