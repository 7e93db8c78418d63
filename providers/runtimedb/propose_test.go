package runtimedb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dssctl/dssctl/providers"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

const (
	declaredPG = `runtime_database "postgresql" {
    host         = "pg.internal"
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pw
  }`
	livePG = `{"connection": {"params": {"port": 5432, "host": "pg.internal", "user": "dss", "password": "e:AES:abc", "db": "dss"}, "type": "PostgreSQL"},
		"tableNamePrefix": "design_", "schema": "dss_runtime", "maxPooledExternalConnections": 50}`
	onlyPool = `{"maxPooledExternalConnections": 50, "builtinConnectionsMaxIdleTimeMS": 1800000}`
)

// good is a server as DSS wants it, with an empty schema.
func good() *pg.Sight {
	return &pg.Sight{Version: 150004, Identity: "id/1", MaxConnections: 500, FreeConnections: 400, CreateSchema: true, SchemaExists: true, Usage: true, Create: true}
}

func withTables(s *pg.Sight, names ...string) *pg.Sight {
	for _, n := range names {
		s.Tables = append(s.Tables, pg.Table{Name: n, Rows: 3, Exact: true, Bytes: 8192})
		s.Bytes += 8192
	}
	return s
}

func knows(password, stored string) record {
	return record{Type: postgresql, Password: &passwordRecord{Value: passwordSum(testKey, password), Stored: storedSum(testKey, stored)}}
}

// moved is the record of a move of these tables.
func moved(version string, tables ...string) record {
	r := knows(pw, "e:AES:abc")
	r.Version, r.Tables = version, tables
	return r
}

var (
	ran     = time.Date(2024, 5, 6, 7, 10, 0, 0, time.UTC)
	twoH2   = []h2File{{"jobs.mv.db", 3 << 20, ran.Add(-2 * time.Hour)}, {"metrics.mv.db", 900, ran.Add(-time.Second)}}
	copyNow = strings.Replace(declaredPG, "user ", "if_empty = \"copy\"\nuser ", 1)
)

const pw = "hunter2-planted-secret"

func TestPropose(t *testing.T) {
	refused := &pg.Error{Kind: pg.Refused, Doing: "connect to", Where: "database dss on pg.internal:5432", Role: "dss"}
	wrong := &pg.Error{Kind: pg.WrongPassword, Doing: "connect to", Where: "database dss on pg.internal:5432", Role: "dss"}
	noSchema := good()
	noSchema.SchemaExists, noSchema.Usage, noSchema.Create = false, false, false
	noCreate := good()
	noCreate.Create = false
	forbidden := good()
	forbidden.SchemaExists, forbidden.CreateSchema = false, false
	small := good()
	small.MaxConnections, small.FreeConnections = 100, 12
	inUse := withTables(good(), "design_jobs")
	inUse.RoleSessions = 4
	other := strings.ReplaceAll(livePG, "pg.internal", "old.internal")
	old := withTables(good(), "design_jobs")
	old.Identity = "id/2"
	leftPlace := placeSum(testKey, settings{Host: "pg.internal", Port: 5432, Database: "dss", place: pg.Place{Schema: "dss_runtime", Prefix: "design_"}})

	for name, tt := range map[string]struct {
		block    string
		internal string
		facts    dss.Facts
		o        observation
		rec      any
	}{
		"move in":               {block: declaredPG, o: observation{bytes: 1300 << 20, target: look{sight: noSchema}}},
		"move in, pool numbers": {block: declaredPG, internal: onlyPool, o: observation{target: look{sight: good()}}},
		"move in, few connections": {
			block: strings.Replace(declaredPG, "user ", "pool { max_pooled_external_connections = 20 }\nuser ", 1), internal: onlyPool,
			o: observation{target: look{sight: small}},
		},
		"move in, unreachable":        {block: declaredPG, o: observation{target: look{err: refused}}},
		"move in, wrong password":     {block: declaredPG, o: observation{target: look{err: wrong}}},
		"move in, encrypted password": {block: strings.Replace(declaredPG, "var.pw", `"e:AES:xyz"`, 1), o: observation{target: look{err: wrong}}},
		"move in, no CREATE":          {block: declaredPG, o: observation{target: look{sight: noCreate}}},
		"move in, no schema":          {block: declaredPG, o: observation{target: look{sight: forbidden}}},
		"move in, occupied":           {block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_jobs", "design_metrics")}}},
		"move in, occupied by longer": {block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_2_jobs", "design_2_metrics")}}},
		"move in, leftovers": {
			block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_jobs")}},
			rec: record{Type: embedded, Leftovers: []leftover{{Run: "r1", Place: leftPlace, Objects: []pg.Object{{Kind: "TABLE", Name: "design_jobs"}, {Kind: "TABLE", Name: "design_gone"}}}}},
		},
		"move in, leftovers unnamed": {
			block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_jobs")}},
			rec: record{Type: embedded, Leftovers: []leftover{{Run: "r1", Place: leftPlace, All: true}}},
		},
		"move in, leftovers elsewhere": {
			block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_jobs")}},
			rec: record{Type: embedded, Leftovers: []leftover{{Run: "r1", Place: "elsewhere", All: true}}},
		},
		"move in, stayed behind": {
			block: declaredPG, o: observation{target: look{sight: withTables(good(), "design_jobs", "design_own", "design_others")}},
			rec: record{Type: embedded, Leftovers: []leftover{
				{Run: "r1", Place: leftPlace, Objects: []pg.Object{{Kind: "TABLE", Name: "design_own"}, {Kind: "TABLE", Name: "design_gone"}}, ByDSS: true},
				{Run: "r2", Place: "elsewhere", Objects: []pg.Object{{Kind: "TABLE", Name: "design_others"}}, ByDSS: true},
				{Run: "r3", Place: leftPlace, Objects: []pg.Object{{Kind: "TABLE", Name: "design_jobs"}}},
			}},
		},
		"move in, old DSS":     {block: declaredPG, facts: dss.Facts{Version: "12.5.1"}, o: observation{target: look{sight: good()}}},
		"move in, older DSS":   {block: declaredPG, facts: dss.Facts{Version: "11.0.0"}, o: observation{target: look{sight: good()}}},
		"move in, ancient DSS": {block: declaredPG, facts: dss.Facts{Version: "5.0.5"}, o: observation{target: look{sight: good()}}},
		"move in, secrets everywhere": {block: `runtime_database "postgresql" {
    host = "pg.internal"
    database = "dss"
    user = var.secret_user
    password = var.pw
    properties = var.secret_properties
  }`, o: observation{target: look{sight: good()}}},
		"move in by URL": {block: `runtime_database "postgresql" {
    jdbc_url = "jdbc:postgresql://pg.internal:15432/dss?sslmode=require"
    user     = "dss"
    password = var.pw
    properties = { tcpKeepAlive = "true", token = var.pw }
  }`, o: observation{target: look{sight: good()}}},
		"missing attributes":       {block: `runtime_database "postgresql" {}`},
		"adopt":                    {block: strings.Replace(declaredPG, "user ", "adopt = true\nuser ", 1), o: observation{target: look{sight: inUse}}},
		"adopt nothing":            {block: strings.Replace(declaredPG, "user ", "adopt = true\nuser ", 1), o: observation{target: look{sight: good()}}},
		"as declared":              {block: declaredPG, internal: livePG, o: observation{target: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"as declared, unreachable": {block: declaredPG, internal: livePG, o: observation{target: look{err: refused}}, rec: knows(pw, "e:AES:abc")},
		"password by login":        {block: declaredPG, internal: livePG, o: observation{target: look{sight: inUse}}},
		"password by login, DSS runs": {
			block: declaredPG, internal: livePG, facts: dss.Facts{Service: dss.ServiceRunning}, o: observation{target: look{sight: withTables(good(), "design_jobs")}},
			rec: knows(pw, "e:AES:older"),
		},
		"password unknown, sessions of another": {
			block: declaredPG, internal: livePG, facts: dss.Facts{Service: dss.ServiceStopped}, o: observation{target: look{sight: inUse}},
		},
		"password unknown":           {block: declaredPG, internal: livePG, facts: dss.Facts{Service: dss.ServiceStopped}, o: observation{target: look{sight: withTables(good(), "design_jobs")}}},
		"password changed":           {block: declaredPG, internal: livePG, o: observation{target: look{sight: inUse}}, rec: knows("another one", "e:AES:abc")},
		"password changed, refused":  {block: declaredPG, internal: livePG, o: observation{target: look{err: wrong}}, rec: knows("another one", "e:AES:abc")},
		"password by somebody":       {block: declaredPG, internal: livePG, facts: dss.Facts{Service: dss.ServiceStopped}, o: observation{target: look{sight: withTables(good(), "design_jobs")}}, rec: knows(pw, "e:AES:older")},
		"password plain, equal":      {block: declaredPG, internal: strings.Replace(livePG, "e:AES:abc", pw, 1), o: observation{target: look{sight: inUse}}},
		"password plain, other":      {block: declaredPG, internal: strings.Replace(livePG, "e:AES:abc", "something", 1), o: observation{target: look{sight: inUse}}},
		"password encrypted, equal":  {block: strings.Replace(declaredPG, "var.pw", `"e:AES:abc"`, 1), internal: livePG, o: observation{target: look{why: "no password"}}},
		"password encrypted, other":  {block: strings.Replace(declaredPG, "var.pw", `"e:AES:xyz"`, 1), internal: livePG, o: observation{target: look{why: "dssctl has no password"}}},
		"password unmanaged":         {block: strings.Replace(declaredPG, "password ", "#", 1), internal: livePG, o: observation{target: look{why: "no password"}}},
		"user, properties, pool":     {block: strings.Replace(declaredPG, `"dss"`+"\n    password", `"dss2"`+"\n    properties = { sslmode = \"require\" }\n pool { max_pooled_external_connections = 70 }\n    password", 1), internal: livePG, o: observation{target: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"host by another name":       {block: declaredPG, internal: other, o: observation{target: look{sight: inUse}, source: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"live URL to the same place": {block: declaredPG, internal: strings.Replace(livePG, `"port"`, `"useURL": true, "url": "jdbc:postgresql://PG.internal/dss?sslmode=require", "port"`, 1), o: observation{target: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"live URL not understood":    {block: declaredPG, internal: strings.Replace(livePG, `"port"`, `"useURL": true, "url": "jdbc:postgresql://a,b/dss", "port"`, 1)},
		"transfer": {block: declaredPG, internal: strings.Replace(other, "design_", "old_", 1), o: observation{
			target: look{sight: good()},
			source: look{sight: func() *pg.Sight { s := withTables(good(), "old_jobs", "old_metrics"); s.Identity = "id/2"; return s }()},
		}, rec: knows(pw, "e:AES:abc")},
		"transfer to a shorter prefix": {block: declaredPG, internal: strings.Replace(livePG, "design_", "design_2_", 1), o: observation{target: look{sight: good()}, source: look{sight: withTables(good(), "design_2_jobs")}}, rec: knows(pw, "e:AES:abc")},
		"transfer with source": {
			block: strings.Replace(declaredPG, "user ", "source {\n user = \"old\"\n password = var.pw\n }\nuser ", 1), internal: other,
			o: observation{target: look{sight: good()}, source: look{sight: old}},
		},
		"transfer, no login":  {block: declaredPG, internal: other, o: observation{target: look{sight: good()}, source: look{why: "its password is kept encrypted by DSS"}}},
		"transfer, obstacles": {block: declaredPG, internal: other, o: observation{target: look{sight: good()}, source: look{sight: old}, obstacles: []string{"view design_v", "triggers of table design_jobs"}}},
		"back to embedded": {
			block: `runtime_database "embedded" {}`, internal: livePG,
			o: observation{h2: []h2File{{name: "jobs.mv.db", changed: time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC)}}},
		},
		"back to embedded, no files": {block: `runtime_database "embedded" {}`, internal: livePG},
		"embedded already":           {block: `runtime_database "embedded" {}`, internal: onlyPool},
		"embedded, pool":             {block: "runtime_database \"embedded\" {\n pool {\n builtin_connections_max_idle_ms = 60000\n max_pooled_external_connections = 50\n }\n }", internal: onlyPool},
		"declared, copy forgotten":   {block: declaredPG, internal: livePG, o: observation{h2: twoH2, target: look{sight: good()}}, rec: knows(pw, "e:AES:abc")},
		"declared, no schema":        {block: declaredPG, internal: livePG, o: observation{h2: twoH2, target: look{sight: noSchema}}, rec: knows(pw, "e:AES:abc")},
		"declared, copy now":         {block: copyNow, internal: livePG, o: observation{bytes: 5 << 20, h2: twoH2, target: look{sight: noSchema}}, rec: knows(pw, "e:AES:abc")},
		"declared, empty at first":   {block: declaredPG, internal: livePG, o: observation{target: look{sight: good()}}, rec: knows(pw, "e:AES:abc")},
		"declared, empty on purpose": {
			block: strings.Replace(declaredPG, "user ", "adopt = true\nuser ", 1), internal: livePG, o: observation{h2: twoH2, target: look{sight: good()}}, rec: knows(pw, "e:AES:abc"),
		},
		"declared, tables lost":         {block: declaredPG, internal: livePG, o: observation{target: look{sight: good()}}, rec: moved("14.4.1", "design_jobs", "design_metrics")},
		"declared, half lost":           {block: copyNow, internal: livePG, o: observation{h2: twoH2, target: look{sight: withTables(good(), "design_jobs")}}, rec: moved("14.4.1", "design_jobs", "design_metrics")},
		"declared, half, DSS connected": {block: declaredPG, internal: livePG, o: observation{target: look{sight: inUse}}, rec: moved("14.4.1", "design_jobs", "design_metrics")},
		"declared, fewer after upgrade": {block: declaredPG, internal: livePG, o: observation{target: look{sight: withTables(good(), "design_jobs")}}, rec: moved("13.5.0", "design_jobs", "design_metrics")},
		"declared, copied by halves":    {block: declaredPG, internal: livePG, o: observation{ran: ran, h2: twoH2, target: look{sight: withTables(good(), "design_jobs")}}, rec: knows(pw, "e:AES:abc")},
		"declared, has run since":       {block: declaredPG, internal: livePG, o: observation{ran: ran.AddDate(0, 1, 0), h2: twoH2, target: look{sight: withTables(good(), "design_jobs")}}, rec: knows(pw, "e:AES:abc")},
		"not declared, copy forgotten":  {internal: strings.Replace(livePG, "e:AES:abc", "plain", 1), o: observation{h2: twoH2, source: look{sight: good()}}},
		"prefix in another case":        {block: strings.Replace(declaredPG, `"design_"`, `"Design_"`, 1), internal: livePG, o: observation{target: look{sight: withTables(good(), "design_jobs")}, source: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"schema in another case":        {block: strings.Replace(declaredPG, `"dss_runtime"`, `"DSS_runtime"`, 1), internal: livePG, o: observation{target: look{sight: noSchema}, source: look{sight: inUse}}, rec: knows(pw, "e:AES:abc")},
		"schema folded by the server":   {block: declaredPG, internal: livePG, o: observation{h2: twoH2, target: look{sight: &pg.Sight{Version: 150004, MaxConnections: 500, CreateSchema: true, LikeSchemas: []string{"Dss_runtime"}}}}, rec: knows(pw, "e:AES:abc")},
		"move in, schema in another case": {
			block: strings.Replace(declaredPG, `"dss_runtime"`, `"DSS_runtime"`, 1),
			o:     observation{target: look{sight: &pg.Sight{Version: 150004, MaxConnections: 500, CreateSchema: true, LikeSchemas: []string{"dss_runtime"}}}},
		},
		"forgotten":               {rec: knows(pw, "e:AES:abc"), internal: livePG},
		"never managed":           {internal: livePG},
		"api node":                {block: declaredPG, facts: dss.Facts{NodeType: "api"}},
		"no settings":             {block: declaredPG, o: observation{missing: true}},
		"settings not understood": {block: declaredPG, o: observation{liveErr: errors.New("its connection has the type \"MySQL\"")}},
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t, tt.block)
			o := tt.o
			o.live = parseLive(t, tt.internal)
			f := tt.facts
			if f.Version == "" {
				f.Version = "14.4.1"
			}
			if f.NodeType == "" {
				f.NodeType = "design"
			}
			req := providers.Request{
				Address: "instance.design", Facts: f, Desired: e.Instances[0], Observed: &o, Secrets: e.Secrets, Key: testKey,
				Throughput: map[string]float64{string(KindCopy): 10 << 20},
			}
			if tt.rec != nil {
				req.Recorded = jsonOf(tt.rec)
			}
			got, diags := New().Propose(req)
			text := render(got, diags)
			for _, planted := range []string{pw, "planted", "e:AES:"} {
				if strings.Contains(text, planted) {
					t.Errorf("%s shows in the proposal", planted)
				}
			}
			golden(t, text)
		})
	}
}

func TestHeadline(t *testing.T) {
	o := &observation{node: "design", bytes: 1395864371}
	if got := o.Headline(); got != "embedded databases (1.3 GiB)" {
		t.Errorf("%q", got)
	}
	o.live = parseLive(t, livePG)
	o.target.sight = withTables(good(), "design_a", "design_b")
	if got := o.Headline(); got != "PostgreSQL pg.internal/dss (2 tables)" {
		t.Errorf("%q", got)
	}
}

// After an import nothing is left to do.
func TestImportThenPlan(t *testing.T) {
	for name, internal := range map[string]string{
		"embedded": "", "pool": onlyPool, "external": livePG,
		"no prefix": `{"connection": {"params": {"port": "15432", "host": "Pg", "user": "u", "db": "d", "properties": [{"name": "ssl", "value": true}]}, "type": "PostgreSQL"}}`,
		"url":       `{"connection": {"params": {"useURL": true, "url": "jdbc:postgresql://h:1/d%20b?user=u&ssl=true"}, "type": "PostgreSQL"}, "schema": "s"}`,
		"secret":    `{"connection": {"params": {"host": "h", "user": "u", "db": "d", "properties": [{"name": "sslpassword", "value": "planted"}]}, "type": "PostgreSQL"}, "schema": "s"}`,
	} {
		t.Run(name, func(t *testing.T) {
			o := &observation{node: "design", live: parseLive(t, internal)}
			f := dss.Facts{NodeType: "design", Version: "14.4.1", Service: dss.ServiceRunning}
			draft := New().Import(o, f)
			source := draftSource(draft)
			if strings.Contains(source, "planted") || strings.Contains(source, "e:AES") {
				t.Errorf("a secret shows:\n%s", source)
			}
			e := estate(t, source)
			got, diags := New().Propose(providers.Request{Address: "instance.design", Facts: f, Desired: e.Instances[0], Observed: o, Secrets: e.Secrets, Key: testKey})
			if len(got.Changes)+len(got.Steps) > 0 || diags.HasErrors() {
				t.Errorf("a plan after the import of\n%s\nis not empty:\n%s", source, render(got, diags))
			}
		})
	}
}

func TestOlderThan(t *testing.T) {
	for _, tt := range []struct {
		version string
		than    []int
		want    bool
	}{
		{"12.5.1", []int{12, 5, 2}, true},
		{"12.5.2", []int{12, 5, 2}, false},
		{"12.5.2-hotfix1", []int{12, 5, 2}, false},
		{"12.5", []int{12, 5, 2}, true},
		{"9.9.9", []int{11, 0, 1}, true},
		{"14.4.1", []int{11, 0, 1}, false},
		{"", []int{5, 1}, false},
		{"dev", []int{5, 1}, false},
	} {
		if got := olderThan(tt.version, tt.than...); got != tt.want {
			t.Errorf("olderThan(%q, %v) = %t", tt.version, tt.than, got)
		}
	}
}
