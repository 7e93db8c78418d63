package runtimedb

import (
	"encoding/json"
	"strconv"

	"github.com/dssctl/dssctl/internal/jsonedit"
	"github.com/dssctl/dssctl/providers/dss"
)

// property is one JDBC property in DSS's form.
type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// params in the order of DSS's documentation.
type params struct {
	Port       int        `json:"port"`
	Host       string     `json:"host"`
	User       string     `json:"user"`
	Password   string     `json:"password,omitempty"`
	Database   string     `json:"db"`
	UseURL     bool       `json:"useURL,omitempty"`
	URL        string     `json:"url,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

// writeConnection makes internalDatabase say what is declared. A connection
// that is there keeps every member that is not declared; the pool's numbers
// stay in any case. password is "" to keep the one there.
func writeConnection(doc *jsonedit.Doc, s settings, a connectionArgs, password string) error {
	if raw, ok := doc.Get(member); ok && isNull(raw) {
		if err := doc.Set(member, []byte("{}")); err != nil {
			return err
		}
	}
	if a.Embedded {
		return writePool(doc, s)
	}
	w := &writer{doc: doc}
	if raw, ok := doc.Get(member + "/connection"); !ok || isNull(raw) {
		p := params{Port: s.Port, Host: s.Host, User: s.User, Password: password, Database: s.Database, UseURL: s.URL != "", URL: s.URL}
		for _, k := range sortedKeys(s.Properties) {
			p.Properties = append(p.Properties, property{k, s.Properties[k]})
		}
		w.set("/connection", struct {
			Params params `json:"params"`
			Type   string `json:"type"`
		}{p, "PostgreSQL"})
	} else {
		w.update(s, a, password)
	}
	w.place(s)
	if w.err != nil {
		return w.err
	}
	return writePool(doc, s)
}

// writer sets members below internalDatabase, each only where it differs.
type writer struct {
	doc *jsonedit.Doc
	err error
}

func (w *writer) set(below string, v any) {
	if w.err != nil {
		return
	}
	raw, err := w.doc.Format(member+below, v)
	if err != nil {
		w.err = err
		return
	}
	if old, ok := w.doc.Get(member + below); ok && jsonedit.Equal(old, raw) {
		return
	}
	w.err = w.doc.Set(member+below, raw)
}

func (w *writer) delete(below string) {
	if w.err == nil {
		w.err = w.doc.Delete(member + below)
	}
}

// update changes the members of a connection that is there.
func (w *writer) update(s settings, a connectionArgs, password string) {
	const p = "/connection/params"
	switch {
	case s.URL != "":
		w.set(p+"/useURL", true)
		w.set(p+"/url", s.URL)
	case a.DropURL:
		w.set(p+"/useURL", false)
		w.delete(p + "/url")
	}
	// Beside a URL that stays in use they mean nothing, and are not ours.
	if inUse, ok := w.doc.Get(member + p + "/useURL"); s.URL != "" || !ok || string(inUse) != "true" {
		w.set(p+"/host", s.Host)
		w.port(p+"/port", s.Port)
		w.set(p+"/db", s.Database)
	}
	w.set(p+"/user", s.User)
	if password != "" {
		w.set(p+"/password", password)
	}
	if s.Managed {
		w.properties(p+"/properties", s.Properties)
	}
}

// port leaves a port alone that is the same number in another form.
func (w *writer) port(below string, port int) {
	if old, ok := w.doc.Get(member + below); ok {
		if n, ok := dss.PortNumber(old); ok && n == port {
			return
		}
	}
	w.set(below, port)
}

// properties keeps the entries that are as declared, with what else they hold,
// and their order.
func (w *writer) properties(below string, want map[string]string) {
	var old []json.RawMessage
	if raw, ok := w.doc.Get(member + below); ok {
		_ = json.Unmarshal(raw, &old) // dss.ReadRuntimeDatabase understood it
	}
	list, seen := []any{}, map[string]bool{}
	for _, raw := range old {
		var e struct {
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		}
		_ = json.Unmarshal(raw, &e)
		if v, ok := want[e.Name]; ok && !seen[e.Name] {
			seen[e.Name] = true
			if v == dss.Scalar(e.Value) {
				list = append(list, raw)
			} else {
				list = append(list, property{e.Name, v})
			}
		}
	}
	for _, k := range sortedKeys(want) {
		if !seen[k] {
			list = append(list, property{k, want[k]})
		}
	}
	if len(list) == 0 && len(old) == 0 {
		return
	}
	w.set(below, list)
}

// place sets prefix and schema. An empty prefix must not be there at all.
func (w *writer) place(s settings) {
	if s.place.Prefix == "" {
		w.delete("/tableNamePrefix")
	} else {
		w.set("/tableNamePrefix", s.place.Prefix)
	}
	w.set("/schema", s.place.Schema)
}

func writePool(doc *jsonedit.Doc, s settings) error {
	for _, k := range poolKeys {
		n, ok := s.Pool[k.key]
		if !ok {
			continue
		}
		raw := []byte(strconv.FormatInt(n, 10))
		if old, ok := doc.Get(member + "/" + k.key); ok && jsonedit.Equal(old, raw) {
			continue
		}
		if err := doc.Set(member+"/"+k.key, raw); err != nil {
			return err
		}
	}
	return nil
}
