package neighbours_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/dssctl/dssctl/config"
	"github.com/dssctl/dssctl/providers/neighbours"
	"github.com/dssctl/dssctl/providers/pg"
	"github.com/dssctl/dssctl/providers/runtimedb"
)

// A prefix that begins another instance's does not take its tables, in whatever
// form that one declares its server.
func TestLongerPrefixes(t *testing.T) {
	e, diags := config.Load(config.LoadOptions{
		Schema: config.InstanceSchema(runtimedb.New().Schema()),
		FS: fstest.MapFS{"main.dss.hcl": {Data: []byte(`
instance "a" {
  data_dir = "/data/a"
  runtime_database "postgresql" {
    host         = "pg.internal"
    database     = "dss"
    user         = "dss"
    table_prefix = "dss_2_"
  }
}
instance "b" {
  data_dir = "/data/b"
  runtime_database "postgresql" {
    jdbc_url     = "jdbc:postgresql://PG.internal/dss?user=dss"
    table_prefix = "dss_3_"
  }
}
instance "c" {
  data_dir = "/data/c"
  runtime_database "postgresql" {
    jdbc_url     = "jdbc:postgresql://other.internal/dss?user=dss"
    table_prefix = "dss_4_"
  }
}
`)}},
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got := neighbours.Survey(e.Instances, e.Secrets).Others(nil, pg.Login{Host: "pg.internal", Database: "dss"}, pg.Place{Schema: "public", Prefix: "dss_"})
	if slices.Sort(got); !slices.Equal(got, []string{"dss_2_", "dss_3_"}) {
		t.Errorf("got %q", got)
	}
}
