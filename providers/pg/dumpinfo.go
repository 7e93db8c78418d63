package pg

// DumpInfo says what a dump holds. It is kept in the manifest of the backup set
// and holds no secret.
type DumpInfo struct {
	Server   int    `json:"server"` // server_version_num
	Tool     string `json:"tool"`   // "pg_dump 15.18"
	Database string `json:"database"`
	// Whole says that the dump is of all of the database; Place is then empty.
	Whole bool  `json:"whole,omitempty"`
	Place Place `json:"place"`
	// Tables with the rows at the dump's snapshot, by schema and name.
	Tables    []DumpedTable    `json:"tables"`
	Sequences []DumpedSequence `json:"sequences,omitempty"`
	Bytes     int64            `json:"bytes"` // of the file
	SHA256    string           `json:"sha256"`
	// Definition is by what the tables are made at another place; nil for a
	// whole database.
	Definition *Definition `json:"definition,omitempty"`
}

// DumpedTable is a table of a dump.
type DumpedTable struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
}

// DumpedSequence is a sequence of a dump. Sequences know no snapshot: the value
// is one that it had while the dump was made.
type DumpedSequence struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Last   int64  `json:"last"`
	Called bool   `json:"called"`
	// Table is the one that owns it, "" for none.
	Table string `json:"table,omitempty"`
	Step  int64  `json:"step"`
}

// Rows is the sum over the tables.
func (i DumpInfo) Rows() int64 {
	var n int64
	for _, t := range i.Tables {
		n += t.Rows
	}
	return n
}

// Definition is how the tables of a place are made. It is opaque: only Restore
// reads it.
type Definition struct{ catalog *catalog }
