package backup

import (
	"os"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/backup/set"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/places"
)

// What a set cannot come to is refused with the reason, by flags and by files.
func TestRefusesPlace(t *testing.T) {
	dump := &set.Database{Host: "pg", Port: 5432, Database: "gov", Schema: "public"}
	prefix := "x_"
	for name, tt := range map[string]struct {
		w        Elsewhere
		node     string
		database *set.Database
		declared bool
		want     string
	}{
		"no place asked for":            {Elsewhere{Port: 11300}, "design", nil, false, ""},
		"flags for embedded databases":  {Elsewhere{Host: "pg2"}, "design", nil, false, "The set has no dump"},
		"declared for a later move":     {Elsewhere{Host: "pg2"}, "design", nil, true, ""},
		"another schema":                {Elsewhere{Schema: "s", Prefix: &prefix}, "design", dump, false, ""},
		"Govern, another schema":        {Elsewhere{Schema: "s"}, "govern", dump, false, "comes back whole"},
		"Govern, a prefix":              {Elsewhere{Database: "gov2", Prefix: &prefix}, "govern", dump, false, "comes back whole"},
		"Govern, its schema, elsewhere": {Elsewhere{Database: "gov2", Schema: "public", Prefix: new(string)}, "govern", dump, true, ""},
	} {
		e := set.Entry{ID: "s", Manifest: set.Manifest{DSS: set.DSS{NodeType: tt.node}, Database: tt.database}}
		if got, detail := tt.w.refusesPlace(e, tt.declared); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, %s", name, got, detail)
		}
	}
}

// Tables are set aside for a restore elsewhere only where the original was lost
// on this machine and they are its own.
func TestWhoseTablesAreSetAside(t *testing.T) {
	there, lost := t.TempDir(), t.TempDir()+"/gone"
	if err := os.WriteFile(there+"/install.ini", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	d := &set.Database{Host: "pg", Port: 5432, Database: "dss", Schema: "s", Prefix: "p_"}
	for name, tt := range map[string]struct {
		host, dir string
		w         *Elsewhere
		want      bool
	}{
		"in place":                   {here, there, nil, true},
		"the original is there":      {here, there, &Elsewhere{}, false},
		"it was lost":                {here, lost, &Elsewhere{}, true},
		"it is on another machine":   {"another", lost, &Elsewhere{}, false},
		"it was lost, another place": {here, lost, &Elsewhere{Schema: "t"}, false},
		"another name of the server": {here, lost, &Elsewhere{Host: "alias"}, false},
	} {
		at, err := dss.Open(t.TempDir()+"/new", dss.Options{Bare: true, UID: func() int { return 1 }})
		if err != nil {
			t.Fatal(err)
		}
		e := set.Entry{ID: "s", Manifest: set.Manifest{Host: tt.host, DataDir: tt.dir, Database: d, DSS: set.DSS{NodeType: "design"}}}
		c := &call{Call: &providers.Call{Instance: at}, args: args{Restore: &restoreArgs{Elsewhere: tt.w, Load: true}}}
		if got := c.use(e, siteAt(tt.w, d)).Replaces; got != tt.want {
			t.Errorf("%s: set aside %v", name, got)
		}
	}
}

func siteAt(w *Elsewhere, d *set.Database) places.Site {
	if w == nil {
		return siteOf(d, "design")
	}
	return w.site(d, "design")
}
