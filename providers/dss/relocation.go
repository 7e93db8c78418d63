package dss

import (
	"encoding/json"

	"github.com/dssctl/dssctl/internal/jsonedit"
)

// Relocation is another place for external runtime databases: what is not set
// stays. The user and the password stay too: DSS has encrypted it with the data
// directory's own key.
type Relocation struct {
	Host     string
	Port     int
	Database string
	Schema   string
	Prefix   *string
}

// Edit changes internalDatabase in general-settings.json.
func (r Relocation) Edit(d *jsonedit.Doc) error {
	const params = RuntimeDatabaseMember + "/connection/params"
	set := func(on bool, at string, value any) error {
		if !on {
			return nil
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		return d.Set(at, raw)
	}
	const prefix = RuntimeDatabaseMember + "/tableNamePrefix"
	for _, s := range []struct {
		on    bool
		at    string
		value any
	}{
		{r.Host != "", params + "/host", r.Host},
		{r.Port != 0, params + "/port", r.Port},
		{r.Database != "", params + "/db", r.Database},
		{r.Schema != "", RuntimeDatabaseMember + "/schema", r.Schema},
		{r.Prefix != nil && *r.Prefix != "", prefix, r.Prefix},
	} {
		if err := set(s.on, s.at, s.value); err != nil {
			return err
		}
	}
	if r.Prefix == nil || *r.Prefix != "" {
		return nil
	}
	// An unused prefix is left out.
	if _, ok := d.Get(prefix); !ok {
		return nil
	}
	return d.Delete(prefix)
}
