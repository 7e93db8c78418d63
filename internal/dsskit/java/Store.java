package dsskit;

import dsskit.Schema.Column;
import dsskit.Schema.Kind;
import dsskit.Schema.Table;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Where the runtime databases are: H2 files in the data directory, or one schema of a PostgreSQL server. */
abstract class Store implements AutoCloseable {
  /** Work on one connection, which nobody else uses meanwhile. */
  interface Job<T> {
    T on(Connection c) throws SQLException;
  }

  final Schema schema;

  Store(Schema schema) {
    this.schema = schema;
  }

  static Store open(Instance instance) throws Exception {
    Schema schema = new Schema(instance.vary);
    return instance.connection() == null
        ? new EmbeddedStore(instance, schema)
        : new ExternalStore(instance, schema, 3);
  }

  /** Works on the database that holds a table; project matters only for tables that are split by project. */
  abstract <T> T with(Table t, String project, Job<T> job) throws SQLException;

  /** The places that hold a part of a table: its projects, or one nameless whole. */
  abstract List<String> parts(Table t) throws SQLException;

  /** Whether the table is made with the first look into its database, as those of single projects are. */
  abstract boolean madeWhenOpened(Table t);

  abstract String qualified(Table t);

  abstract String indexName(Table t);

  abstract boolean exists(Connection c, Table t) throws SQLException;

  abstract String type(Kind k);

  @Override
  public abstract void close();

  static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  /** Makes the table where it is missing: DSS starts with an empty history rather than not at all. */
  void create(Connection c, Table t) throws SQLException {
    if (exists(c, t)) {
      return;
    }
    List<String> columns = new ArrayList<>();
    for (Column col : t.columns()) {
      columns.add(quote(col.name()) + " " + type(col.kind()));
    }
    columns.add("PRIMARY KEY (" + quote(t.columns().get(0).name()) + ")");
    try (Statement s = c.createStatement()) {
      s.execute("CREATE TABLE " + qualified(t) + " (" + String.join(", ", columns) + ")");
      if (t.columns().size() > 2) {
        s.execute("CREATE INDEX " + indexName(t) + " ON " + qualified(t)
            + " (" + quote(t.columns().get(1).name()) + ", " + quote(t.columns().get(2).name()) + ")");
      }
    }
  }

  /** The columns a table has now: an upgrade may have added some. */
  List<String> columns(Connection c, Table t) throws SQLException {
    List<String> names = new ArrayList<>();
    try (Statement s = c.createStatement();
        ResultSet r = s.executeQuery("SELECT * FROM " + qualified(t) + " WHERE 1=0")) {
      for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
        names.add(r.getMetaData().getColumnName(i));
      }
    }
    return names;
  }

  void addColumn(Connection c, Table t, Column col) throws SQLException {
    if (columns(c, t).contains(col.name())) {
      return;
    }
    try (Statement s = c.createStatement()) {
      s.execute("ALTER TABLE " + qualified(t) + " ADD COLUMN " + quote(col.name()) + " " + type(col.kind()));
    }
  }

  long count(Table t) throws SQLException {
    long n = 0;
    for (String part : parts(t)) {
      n += with(t, part, c -> {
        if (!exists(c, t)) {
          return 0L;
        }
        try (Statement s = c.createStatement();
            ResultSet r = s.executeQuery("SELECT COUNT(*) FROM " + qualified(t))) {
          r.next();
          return r.getLong(1);
        }
      });
    }
    return n;
  }

  /** Makes what is missing, and brings tables of an older version up to date; refuses those of a newer one. */
  void prepare(int confVersion) throws SQLException {
    Integer found = with(schema.version, null, c -> exists(c, schema.version) ? version(c) : null);
    if (found != null && found > confVersion) {
      throw new SQLException("The runtime databases are at schema version " + found
          + ", which is newer than this software (" + confVersion + ")");
    }
    for (Table t : schema.tables) {
      if (madeWhenOpened(t)) {
        continue;
      }
      with(t, null, c -> {
        create(c, t);
        return null;
      });
    }
    if (found != null && found < confVersion) {
      Table t = schema.widened(confVersion);
      for (String part : parts(t)) {
        with(t, part, c -> {
          addColumn(c, t, schema.addedBy(confVersion));
          return null;
        });
      }
      System.out.println("Upgraded the runtime databases from schema version " + found + " to " + confVersion);
    }
    if (found == null || found < confVersion) {
      with(schema.version, null, c -> setVersion(c, confVersion));
    }
  }

  private Integer version(Connection c) throws SQLException {
    try (Statement s = c.createStatement();
        ResultSet r = s.executeQuery("SELECT MAX(" + quote(schema.version.columns().get(1).name()) + ") FROM "
            + qualified(schema.version))) {
      return r.next() && r.getObject(1) != null ? (int) r.getLong(1) : null;
    }
  }

  private Void setVersion(Connection c, int v) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.execute("DELETE FROM " + qualified(schema.version));
    }
    try (PreparedStatement p = c.prepareStatement("INSERT INTO " + qualified(schema.version) + " VALUES (?, ?)")) {
      p.setString(1, "current");
      p.setLong(2, v);
      p.execute();
    }
    return null;
  }
}
