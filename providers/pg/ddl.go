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
	for _, t := range c.Tables {
		name, ok := from.moved(t.Name, to)
		if !ok || (len(t.Name) >= nameBytes && from.Prefix != to.Prefix) || len(name) > nameBytes {
			// DSS would look for the name in full, which nobody knows any more.
			return nil, fmt.Errorf("table %s cannot get the prefix %q: the name is or would be cut at %d bytes", t.Name, to.Prefix, nameBytes)
		}
		if m.taken[name] {
			return nil, fmt.Errorf("there is a relation %s already", name)
		}
		m.taken[name], m.tables[t.Name] = true, name
	}
	for _, s := range c.Sequences {
		m.seqs[s.Name] = m.name(s.Name)
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
	for _, t := range c.Tables {
		out = append(out, Object{"TABLE", m.tables[t.Name]})
	}
	for _, s := range c.Sequences {
		if !s.Identity {
			out = append(out, Object{"SEQUENCE", m.seqs[s.Name]})
		}
	}
	return out
}

func (m *move) createSequence(s *sequence) string {
	typ := ""
	if m.version >= 100000 {
		typ = " AS " + s.Typ
	}
	return "CREATE SEQUENCE " + m.quote(m.seqs[s.Name]) + typ + " " + s.options()
}

func (s *sequence) options() string {
	cycle := "NO CYCLE"
	if s.Cycle {
		cycle = "CYCLE"
	}
	return fmt.Sprintf("INCREMENT BY %d MINVALUE %d MAXVALUE %d START WITH %d CACHE %d %s", s.Step, s.Least, s.Most, s.Start, s.Cache, cycle)
}

func (m *move) createTable(c *catalog, t *table) (string, error) {
	kind := "TABLE"
	if t.Unlogged {
		kind = "UNLOGGED TABLE"
	}
	var cols []string
	for _, col := range t.Columns {
		def, err := m.column(c, t, col)
		if err != nil {
			return "", err
		}
		cols = append(cols, def)
	}
	sql := "CREATE " + kind + " " + m.quote(m.tables[t.Name]) + " (" + strings.Join(cols, ", ") + ")"
	if len(t.Options) > 0 {
		var with []string
		for _, o := range t.Options {
			k, v, _ := strings.Cut(o, "=")
			with = append(with, Quote(k)+" = "+literal(v))
		}
		sql += " WITH (" + strings.Join(with, ", ") + ")"
	}
	return sql, nil
}

func (m *move) column(c *catalog, t *table, col *column) (string, error) {
	sql := Quote(col.Name) + " " + col.Typ
	if col.Collation != nil {
		sql += " COLLATE " + *col.Collation
	}
	switch {
	case col.Generated != "":
		if m.version < 120000 {
			return "", fmt.Errorf("column %s of table %s is generated, which the target server does not know", col.Name, t.Name)
		}
		kind := " STORED"
		if col.Generated == "v" {
			kind = " VIRTUAL"
		}
		sql += " GENERATED ALWAYS AS (" + *col.Def + ")" + kind
	case col.Identity != "":
		if m.version < 100000 {
			return "", fmt.Errorf("column %s of table %s is an identity, which the target server does not know", col.Name, t.Name)
		}
		always := "BY DEFAULT"
		if col.Identity == "a" {
			always = "ALWAYS"
		}
		for _, s := range c.Sequences {
			if s.Identity && s.Table == t.Name && s.Column == col.Name {
				sql += " GENERATED " + always + " AS IDENTITY (SEQUENCE NAME " + m.quote(m.seqs[s.Name]) + " " + s.options() + ")"
			}
		}
	case col.Def != nil:
		sql += " DEFAULT " + m.expression(c, *col.Def)
	}
	if col.NotNull {
		sql += " NOT NULL"
	}
	return sql, nil
}

// expression renames the sequences in a default: the server writes them as
// 'SCHEMA.NAME'::regclass.
func (m *move) expression(c *catalog, def string) string {
	for _, s := range c.Sequences {
		old := literal(s.Quoted) + "::regclass"
		if strings.Contains(def, old) {
			return strings.ReplaceAll(def, old, literal(m.quote(m.seqs[s.Name]))+"::regclass")
		}
	}
	return def
}

// afterData are the statements that follow the rows: keys and checks first, then
// indexes, then foreign keys, which need the keys.
func (m *move) afterData(c *catalog) []string {
	var keys, indexes, foreign, last []string
	for _, t := range c.Tables {
		alter := "ALTER TABLE " + m.quote(m.tables[t.Name])
		for _, k := range t.Constraints {
			name := clip(k.Name)
			if moved, ok := m.from.moved(k.Name, m.to); ok {
				name = clip(moved)
			}
			switch k.Kind {
			case "p", "u", "x": // have an index, whose name is the schema's business
				keys = append(keys, alter+" ADD CONSTRAINT "+Quote(m.name(k.Name))+" "+k.Def)
			case "c":
				keys = append(keys, alter+" ADD CONSTRAINT "+Quote(name)+" "+k.Def)
			case "f":
				def := strings.TrimPrefix(k.Def, k.Head)
				head := k.Head[:strings.LastIndex(k.Head, " REFERENCES ")]
				foreign = append(foreign, alter+" ADD CONSTRAINT "+Quote(name)+" "+head+" REFERENCES "+m.quote(m.tables[k.Refers])+"("+def)
			}
		}
		for _, x := range t.Indexes {
			unique := ""
			if x.Unique {
				unique = "UNIQUE "
			}
			indexes = append(indexes, "CREATE "+unique+"INDEX "+Quote(m.name(x.Name))+" ON "+m.quote(m.tables[t.Name])+
				" USING "+strings.TrimPrefix(x.Def, x.head(t)))
		}
		last = append(last, m.comments(t)...)
	}
	for _, s := range c.Sequences {
		if s.Table != "" && !s.Identity {
			last = append(last, "ALTER SEQUENCE "+m.quote(m.seqs[s.Name])+" OWNED BY "+m.quote(m.tables[s.Table])+"."+Quote(s.Column))
		}
		last = append(last, fmt.Sprintf("SELECT setval(%s, %d, %t)", literal(m.quote(m.seqs[s.Name])), s.Last, s.Called))
	}
	return append(append(append(keys, indexes...), foreign...), last...)
}

func (m *move) comments(t *table) []string {
	var out []string
	if t.Comment != nil {
		out = append(out, "COMMENT ON TABLE "+m.quote(m.tables[t.Name])+" IS "+literal(*t.Comment))
	}
	for _, col := range t.Columns {
		if col.Comment != nil {
			out = append(out, "COMMENT ON COLUMN "+m.quote(m.tables[t.Name])+"."+Quote(col.Name)+" IS "+literal(*col.Comment))
		}
	}
	return out
}
