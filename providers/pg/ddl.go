package pg

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// move writes the statements that make a catalog's objects at another place.
type move struct {
	from, to Place
	version  int // of the target
	// taken are the names of relations at the target, which a table, index or
	// sequence must not get.
	taken  map[string]bool
	tables map[string]string // new names by old ones
	seqs   map[string]string
}

// newMove chooses the new names. An error names what cannot be named.
func newMove(c *catalog, from, to Place, version int, taken map[string]bool) (*move, error) {
	m := &move{from: from, to: to, version: version, taken: taken, tables: map[string]string{}, seqs: map[string]string{}}
	for _, t := range c.tables {
		name, ok := from.moved(t.name, to)
		if !ok || (len(t.name) >= nameBytes && from.Prefix != to.Prefix) || len(name) > nameBytes {
			// DSS would look for the name in full, which nobody knows any more.
			return nil, fmt.Errorf("table %s cannot get the prefix %q: the name is or would be cut at %d bytes", t.name, to.Prefix, nameBytes)
		}
		if m.taken[name] {
			return nil, fmt.Errorf("there is a relation %s already", name)
		}
		m.taken[name], m.tables[t.name] = true, name
	}
	for _, s := range c.sequences {
		m.seqs[s.name] = m.name(s.name)
	}
	return m, nil
}

// name gives an index, constraint or sequence its new name: with the new prefix
// in place of the old, or as it is where it has none, and made unique where the
// schema has that name already.
func (m *move) name(old string) string {
	name, ok := m.from.moved(old, m.to)
	name = clip(name)
	if !ok && m.taken[name] {
		name = clip(m.to.Prefix + old)
	}
	if m.taken[name] {
		sum := sha256.Sum256([]byte(m.to.Prefix + "/" + old))
		tail := "_" + hex.EncodeToString(sum[:4])
		if len(name)+len(tail) > nameBytes {
			for len(clip(name)) > nameBytes-len(tail) {
				name = clip(name[:len(name)-1])
			}
		}
		name += tail
	}
	m.taken[name] = true
	return name
}

func (m *move) quote(name string) string { return Quote(m.to.Schema, name) }

// objects are all tables and sequences that will be made.
func (m *move) objects(c *catalog) []Object {
	var out []Object
	for _, t := range c.tables {
		out = append(out, Object{"TABLE", m.tables[t.name]})
	}
	for _, s := range c.sequences {
		if !s.identity {
			out = append(out, Object{"SEQUENCE", m.seqs[s.name]})
		}
	}
	return out
}

func (m *move) createSequence(s *sequence) string {
	typ := ""
	if m.version >= 100000 {
		typ = " AS " + s.typ
	}
	return "CREATE SEQUENCE " + m.quote(m.seqs[s.name]) + typ + " " + s.options()
}

func (s *sequence) options() string {
	cycle := "NO CYCLE"
	if s.cycle {
		cycle = "CYCLE"
	}
	return fmt.Sprintf("INCREMENT BY %d MINVALUE %d MAXVALUE %d START WITH %d CACHE %d %s", s.step, s.least, s.most, s.start, s.cache, cycle)
}

func (m *move) createTable(c *catalog, t *table) (string, error) {
	kind := "TABLE"
	if t.unlogged {
		kind = "UNLOGGED TABLE"
	}
	var cols []string
	for _, col := range t.columns {
		def, err := m.column(c, t, col)
		if err != nil {
			return "", err
		}
		cols = append(cols, def)
	}
	sql := "CREATE " + kind + " " + m.quote(m.tables[t.name]) + " (" + strings.Join(cols, ", ") + ")"
	if len(t.options) > 0 {
		var with []string
		for _, o := range t.options {
			k, v, _ := strings.Cut(o, "=")
			with = append(with, Quote(k)+" = "+literal(v))
		}
		sql += " WITH (" + strings.Join(with, ", ") + ")"
	}
	return sql, nil
}

func (m *move) column(c *catalog, t *table, col *column) (string, error) {
	sql := Quote(col.name) + " " + col.typ
	if col.collation != nil {
		sql += " COLLATE " + *col.collation
	}
	switch {
	case col.generated != "":
		if m.version < 120000 {
			return "", fmt.Errorf("column %s of table %s is generated, which the target server does not know", col.name, t.name)
		}
		kind := " STORED"
		if col.generated == "v" {
			kind = " VIRTUAL"
		}
		sql += " GENERATED ALWAYS AS (" + *col.def + ")" + kind
	case col.identity != "":
		if m.version < 100000 {
			return "", fmt.Errorf("column %s of table %s is an identity, which the target server does not know", col.name, t.name)
		}
		always := "BY DEFAULT"
		if col.identity == "a" {
			always = "ALWAYS"
		}
		for _, s := range c.sequences {
			if s.identity && s.table == t.name && s.column == col.name {
				sql += " GENERATED " + always + " AS IDENTITY (SEQUENCE NAME " + m.quote(m.seqs[s.name]) + " " + s.options() + ")"
			}
		}
	case col.def != nil:
		sql += " DEFAULT " + m.expression(c, *col.def)
	}
	if col.notNull {
		sql += " NOT NULL"
	}
	return sql, nil
}

// expression renames the sequences in a default: the server writes them as
// 'SCHEMA.NAME'::regclass.
func (m *move) expression(c *catalog, def string) string {
	for _, s := range c.sequences {
		old := literal(s.quoted) + "::regclass"
		if strings.Contains(def, old) {
			return strings.ReplaceAll(def, old, literal(m.quote(m.seqs[s.name]))+"::regclass")
		}
	}
	return def
}

// afterData are the statements that follow the rows: keys and checks first, then
// indexes, then foreign keys, which need the keys.
func (m *move) afterData(c *catalog) []string {
	var keys, indexes, foreign, last []string
	for _, t := range c.tables {
		alter := "ALTER TABLE " + m.quote(m.tables[t.name])
		for _, k := range t.constraints {
			name := clip(k.name)
			if moved, ok := m.from.moved(k.name, m.to); ok {
				name = clip(moved)
			}
			switch k.kind {
			case "p", "u", "x": // have an index, whose name is the schema's business
				keys = append(keys, alter+" ADD CONSTRAINT "+Quote(m.name(k.name))+" "+k.def)
			case "c":
				keys = append(keys, alter+" ADD CONSTRAINT "+Quote(name)+" "+k.def)
			case "f":
				def := strings.TrimPrefix(k.def, k.head)
				head := k.head[:strings.LastIndex(k.head, " REFERENCES ")]
				foreign = append(foreign, alter+" ADD CONSTRAINT "+Quote(name)+" "+head+" REFERENCES "+m.quote(m.tables[k.refers])+"("+def)
			}
		}
		for _, x := range t.indexes {
			unique := ""
			if x.unique {
				unique = "UNIQUE "
			}
			indexes = append(indexes, "CREATE "+unique+"INDEX "+Quote(m.name(x.name))+" ON "+m.quote(m.tables[t.name])+
				" USING "+strings.TrimPrefix(x.def, x.head(t)))
		}
		last = append(last, m.comments(t)...)
	}
	for _, s := range c.sequences {
		if s.table != "" && !s.identity {
			last = append(last, "ALTER SEQUENCE "+m.quote(m.seqs[s.name])+" OWNED BY "+m.quote(m.tables[s.table])+"."+Quote(s.column))
		}
		last = append(last, fmt.Sprintf("SELECT setval(%s, %d, %t)", literal(m.quote(m.seqs[s.name])), s.last, s.called))
	}
	return append(append(append(keys, indexes...), foreign...), last...)
}

func (m *move) comments(t *table) []string {
	var out []string
	if t.comment != nil {
		out = append(out, "COMMENT ON TABLE "+m.quote(m.tables[t.name])+" IS "+literal(*t.comment))
	}
	for _, col := range t.columns {
		if col.comment != nil {
			out = append(out, "COMMENT ON COLUMN "+m.quote(m.tables[t.name])+"."+Quote(col.name)+" IS "+literal(*col.comment))
		}
	}
	return out
}
