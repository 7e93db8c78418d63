package runtimedb

import (
	"errors"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/dssctl/dssctl/config/schema"
	"github.com/dssctl/dssctl/internal/lazyregexp"
	"github.com/dssctl/dssctl/providers/dss"
	"github.com/dssctl/dssctl/providers/pg"
)

// poolKeys maps the attributes of pool to the keys of internalDatabase, in the
// order of DSS's documentation.
var poolKeys = []struct{ name, key, doc string }{
	{"external_connections_max_idle_ms", "externalConnectionsMaxIdleTimeMS", "Milliseconds after which an idle connection to PostgreSQL is closed."},
	{"external_connections_validation_interval_ms", "externalConnectionsValidationIntervalMS", "Milliseconds between two checks of a connection to PostgreSQL."},
	{"max_pooled_external_connections", "maxPooledExternalConnections", "Connections to PostgreSQL at the most; the default of DSS is 50."},
	{"builtin_connections_max_idle_ms", "builtinConnectionsMaxIdleTimeMS", "Milliseconds after which an idle connection to an embedded database is closed."},
	{"builtin_connections_validation_interval_ms", "builtinConnectionsValidationIntervalMS", "Milliseconds between two checks of a connection to an embedded database."},
	{"max_pooled_builtin_connections_per_database", "maxPooledBuiltinConnectionsPerDatabase", "Connections to each embedded database at the most."},
}

func notEmpty(hint string) func(cty.Value) error {
	return func(v cty.Value) error {
		if v.AsString() == "" {
			return errors.New("must not be empty" + hint)
		}
		return nil
	}
}

// encryptedForm tells a mangled e:AES:… before DSS is stopped for it;
// how long a whole one is, only DSS knows.
var encryptedForm = lazyregexp.New(`^e:AES:[A-Za-z0-9+/=_:.\-]+$`)

func checkPassword(v cty.Value) error {
	s := v.AsString()
	if strings.HasPrefix(s, dss.EncryptedPrefix) && !encryptedForm.MatchString(s) {
		return errors.New("begins as what DSS encrypted (e:AES:…) and does not go on so: give what `bin/dssadmin encrypt-password` of this instance printed, whole, or the password itself")
	}
	return notEmpty(": leave the attribute out to keep the password as it is")(v)
}

// identifier accepts a name that PostgreSQL keeps whole.
func identifier(hint string) func(cty.Value) error {
	return func(v cty.Value) error {
		s := v.AsString()
		switch {
		case s == "":
			return errors.New("must not be empty" + hint)
		case len(s) > 63:
			return errors.New("must be at most 63 bytes long: PostgreSQL cuts longer names")
		case strings.ContainsRune(s, 0):
			return errors.New("must not hold a NUL")
		}
		return nil
	}
}

func jdbcURL(v cty.Value) error {
	u, err := pg.ParseJDBC(v.AsString())
	if err != nil {
		return err
	}
	if _, ok := u.Properties["password"]; ok {
		return errors.New("must not hold the password: give it as password, which DSS then keeps encrypted")
	}
	return nil
}

// Schema is the block runtime_database.
func (*Provider) Schema() schema.Fragment {
	external := []string{postgresql}
	str := func(name, doc string, check func(cty.Value) error) schema.Attribute {
		return schema.Attribute{Name: name, Type: cty.String, Labels: external, Doc: doc, Check: check}
	}
	port := schema.Attribute{
		Name: "port", Type: cty.Number, Labels: external, Default: cty.NumberIntVal(5432), Check: schema.Port,
		Doc: "Port of the PostgreSQL server.",
	}
	inSchema := str("schema", "Schema in which DSS makes its tables. It is created when absent and the role may create it. Other than \"public\" it needs DSS 11.0.1.", identifier(""))
	inSchema.Default, inSchema.Public = cty.StringVal("public"), true
	prefix := str("table_prefix", "What the names of all tables begin with. Needed where several instances share a schema. Absent: no prefix. Tables are matched by the prefix as written and in lower case.", identifier(": leave the attribute out for no prefix"))
	prefix.Public = true
	password := str("password", "Password of the role. DSS keeps it encrypted. Absent: unmanaged, the instance keeps the one it has. It may be given as DSS encrypted it (e:AES:…); dssctl then cannot log in with it itself.", checkPassword)
	password.Secret = true
	properties := schema.Attribute{
		Name: "properties", Type: cty.Map(cty.String), Labels: external,
		Doc: "All properties for the PostgreSQL JDBC driver. ssl, sslmode, sslrootcert, sslcert, sslkey and connectTimeout hold for dssctl's own connection too. Absent: unmanaged.",
	}
	others := schema.Attribute{
		Name: "other_prefixes", Type: cty.List(cty.String), Labels: external,
		Doc: "Table prefixes of instances outside this estate in the same schema. Needed only where another prefix begins with this instance's.",
	}
	adopt := schema.Attribute{
		Name: "adopt", Type: cty.Bool, Labels: external, Default: cty.False,
		Doc: "The tables found at the declared place are this instance's already (a restored dump, a promoted standby): use them, and copy nothing.",
	}
	ifEmpty := schema.Attribute{
		Name: "if_empty", Type: cty.String, Labels: external, Public: true, OneOf: []string{refuseEmpty, copyEmpty},
		Doc: "What to do where DSS's settings lead to the declared place already and it holds no table, because the copy was forgotten or broke off. `refuse`, as without it: the plan says so and has errors. `copy`: the embedded databases are copied there now.",
	}

	pool := schema.Block{Type: "pool", Doc: "Advanced settings of DSS's connection pools. Dataiku discourages changing them. What is absent is unmanaged."}
	for _, k := range poolKeys {
		pool.Attributes = append(pool.Attributes, schema.Attribute{Name: k.name, Type: cty.Number, Check: schema.Between(0, 1<<40), Doc: k.doc})
	}
	sourcePassword := schema.Attribute{Name: "password", Type: cty.String, Secret: true, Required: true, Doc: "Its password."}
	source := schema.Block{
		Type: "source", Doc: "The login to the PostgreSQL place that the tables are carried away from. Needed only where dssctl cannot know it: the role differs from user, and its password is kept encrypted by DSS.",
		Attributes: []schema.Attribute{{Name: "user", Type: cty.String, Required: true, Check: schema.NotEmpty, Doc: "A role that may read the tables."}, sourcePassword},
	}

	return schema.Fragment{Blocks: []schema.Block{{
		Type:   Name,
		Labels: []schema.Label{{Name: "type", Doc: "Where the runtime databases are.", OneOf: []string{postgresql, embedded}}},
		Doc:    "The runtime databases: history of jobs and scenarios, metrics, states of datasets, timelines, discussions. A move from embedded to PostgreSQL copies them.",
		Example: `runtime_database "postgresql" {
  host         = "pg.internal"
  database     = "dss"
  schema       = "dss_runtime"
  table_prefix = "design_"
  user         = "dss"
  password     = var.pg_password
}`,
		Attributes: []schema.Attribute{
			str("host", "Host name or address of the PostgreSQL server. Required without jdbc_url.", notEmpty("")),
			port,
			str("database", "Name of the database. Required without jdbc_url.", identifier("")),
			inSchema,
			prefix,
			str("user", "Role that DSS logs in as. Required, here or as a parameter of jdbc_url.", identifier("")),
			password,
			str("jdbc_url", "A JDBC URL that DSS connects by instead of host, port and database: jdbc:postgresql://HOST:PORT/DATABASE?…", jdbcURL),
			properties, others, adopt, ifEmpty,
		},
		Blocks: []schema.Block{pool, source},
	}}}
}
