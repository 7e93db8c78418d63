package runtimedb

import (
	"encoding/json"
	"strings"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/secret"
)

// changeSet gathers the differences between live and declared.
type changeSet struct{ list []plan.Change }

// add notes one attribute; nil stands for absent.
func (s *changeSet) add(path string, before, after any, hidden bool, note string) {
	c := plan.Change{Block: Name, Path: path, Op: plan.Update, Secret: hidden, Note: note}
	switch {
	case before == nil && after == nil:
		return
	case before == nil:
		c.Op = plan.Create
	case after == nil:
		c.Op = plan.Delete
	}
	b, a := shown(path, before), shown(path, after)
	if b == secret.Placeholder || a == secret.Placeholder {
		c.Secret = true
	}
	if !c.Secret {
		c.Before, c.After = jsonOf(b), jsonOf(a)
	}
	if b == a && before != after && !c.Secret {
		c.Note = strings.TrimPrefix(note+"; parts that may be secret are not shown", "; ")
	}
	s.list = append(s.list, c)
}

// shown is a value as a plan may show it.
func shown(path string, v any) any {
	if text, ok := v.(string); ok {
		return secret.Shown(text, path[strings.LastIndex(path, ".")+1:])
	}
	return v
}

func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

func present(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// compare lists what differs, without the password. Only what is declared
// counts.
func compare(c connection, to settings, l live) []plan.Change {
	var s changeSet
	if !l.External {
		s.add("type", embedded, postgresql, false, "")
	}
	from, understood := target(l)
	value := func(path, before, after string, hidden, same bool) {
		if !l.External {
			before, same = "", false
		}
		if !same {
			s.add(path, present(before), present(after), hidden, "")
		}
	}
	if c.URL != nil {
		before := ""
		if l.UseURL {
			before = l.URL
		}
		value("jdbc_url", before, to.URL, c.URL.IsSecret(), before == to.URL)
	} else {
		value("host", from.Host, to.Host, c.Host.IsSecret(), understood && strings.EqualFold(from.Host, to.Host))
		switch {
		case !l.External:
			s.add("port", nil, to.Port, c.Port.IsSecret(), "")
		case from.Port != to.Port:
			s.add("port", from.Port, to.Port, c.Port.IsSecret(), "")
		}
		value("database", from.Database, to.Database, c.Database.IsSecret(), from.Database == to.Database)
	}
	value("schema", from.place.Schema, to.place.Schema, false, from.place.Schema == to.place.Schema)
	value("table_prefix", from.place.Prefix, to.place.Prefix, false, from.place.Prefix == to.place.Prefix)
	value("user", from.User, to.User, c.User.IsSecret(), from.User == to.User)
	s.properties(c, to, l)
	s.pool(c.Pool, to.Pool, l)
	return s.list
}

func (s *changeSet) properties(c connection, to settings, l live) {
	if !c.Managed {
		return
	}
	all := map[string]bool{}
	for k := range to.Properties {
		all[k] = true
	}
	for k := range l.Properties {
		all[k] = true
	}
	_, whole := c.Properties[""]
	for _, k := range sortedKeys(all) {
		before, was := l.Properties[k]
		after, is := to.Properties[k]
		if was == is && before == after {
			continue
		}
		path := "properties." + k
		if whole {
			path = "properties"
		}
		var b, a any
		if was {
			b = before
		}
		if is {
			a = after
		}
		s.add(path, b, a, whole || c.Properties[k].IsSecret(), "")
		if whole {
			return
		}
	}
}

func (s *changeSet) pool(declared map[string]secret.Text, to map[string]int64, l live) {
	for _, k := range poolKeys {
		after, ok := to[k.key]
		if !ok {
			continue
		}
		before, was := l.Pool[k.key]
		switch {
		case !was:
			s.add("pool."+k.name, nil, after, declared[k.key].IsSecret(), "")
		case before != after:
			s.add("pool."+k.name, before, after, declared[k.key].IsSecret(), "")
		}
	}
}
