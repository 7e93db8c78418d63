package backup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dssctl/dssctl/providers/backup/set"
)

// Beside its original a restored instance is the same once more: that is said
// before it starts, and only then.
func TestBesideTheOriginal(t *testing.T) {
	there := t.TempDir()
	if err := os.WriteFile(filepath.Join(there, "install.ini"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const twice, ports = "each scenario runs twice", "choose a port at least ten away"
	for name, c := range map[string]struct {
		from  string
		order RestoreOrder
		want  []string
	}{
		"another port":    {there, RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new", Port: 11210}}, []string{twice, `origin "backup"`}},
		"ports within":    {there, RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new", Port: 11191}}, []string{twice, "11200 to 11209", "11191 to 11200", ports}},
		"the same ports":  {there, RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new"}}, []string{twice, ports}},
		"lost":            {filepath.Join(there, "lost"), RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new"}}, nil},
		"an empty folder": {t.TempDir(), RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new"}}, nil},
		"told apart":      {there, RestoreOrder{Elsewhere: &Elsewhere{DataDir: "/new"}, Distinct: true}, nil},
		"files alone":     {there, RestoreOrder{To: "/out"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := policies(t, nightly)
			b := f.req.Desired.Children(Name)[0]
			m := f.p.maker(f.req, f.o, b)
			diags := m.beside(set.Entry{ID: "s", Manifest: set.Manifest{DataDir: c.from, DSS: set.DSS{Port: 11200}}}, c.order, b)
			if diags.HasErrors() || (len(diags) == 0) != (c.want == nil) {
				t.Fatalf("got %v", diags)
			}
			for _, want := range c.want {
				if !strings.Contains(diags[0].Detail, want) {
					t.Errorf("%q is not in %q", want, diags[0].Detail)
				}
			}
			if c.want != nil && !slices.Contains(c.want, ports) && strings.Contains(diags[0].Detail, "has the ports") {
				t.Errorf("ports that are far enough are warned of: %s", diags[0].Detail)
			}
		})
	}
}
