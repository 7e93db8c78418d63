package dsskit;

import dsskit.Schema.Column;
import dsskit.Schema.Kind;
import dsskit.Schema.Table;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** copy-databases-to-external: creates the tables outside and copies every row of the H2 files into them. */
final class Copy {
  private static final int BATCH = 500;
  private final Instance instance;
  private final Faults faults;
  private final EmbeddedStore from;
  private final ExternalStore to;
  private final boolean append;

  Copy(Instance instance, Faults faults, EmbeddedStore from, ExternalStore to) {
    this.instance = instance;
    this.faults = faults;
    this.from = from;
    this.to = to;
    append = instance.vary.pick("copy-appends", 2) == 1;
  }

  void run() throws Exception {
    Schema schema = from.schema;
    boolean quiet = instance.vary.pick("copy-quiet", 4) == 0;
    Duration pause = faults.time("copy-slow", Duration.ZERO).dividedBy(schema.tables.size());
    List<Table> tables = new ArrayList<>(schema.tables);
    if (instance.olderThan(12, 5, 2)) {
      // Until 12.5.2 the requests were left behind (release notes).
      tables.removeIf(t -> t.database().equals("requests"));
    }
    if (!append) {
      refuseFilled(tables);
    }
    for (int i = 0; i < tables.size(); i++) {
      Table t = tables.get(i);
      boolean last = i == tables.size() - 1;
      long rows = table(t, last && faults.on("copy-incomplete"), i >= tables.size() / 2 && faults.on("copy-fail"));
      if (!quiet) {
        System.out.println(instance.vary.choose("copy-line",
            String.format("Copied %s: %d rows", t.name(), rows),
            String.format("[%d/%d] %s.%s ... done (%d)", i + 1, tables.size(), t.database(), t.name(), rows),
            String.format("INFO  [dku.db.copy] - %s -> %s rows=%d", t.database(), to.qualified(t), rows)));
      }
      Faults.sleep(pause);
    }
    System.out.println(instance.vary.choose("copy-end", "Done", "Databases copied successfully", "", "Copy complete."));
  }

  private void refuseFilled(List<Table> tables) throws SQLException, IOException {
    for (Table t : tables) {
      if (to.count(t) > 0) {
        throw new IOException("Target table " + to.qualified(t) + " is not empty");
      }
    }
  }

  private long table(Table t, boolean half, boolean fail) throws Exception {
    to.with(t, null, c -> {
      to.create(c, t);
      return null;
    });
    long total = 0;
    for (String part : from.parts(t)) {
      long rows = from.with(t, part, source -> from.exists(source, t)
          ? to.with(t, null, target -> rows(t, source, target, half, fail)) : 0L);
      total += rows;
    }
    if (fail) {
      throw new SQLException("Failed to copy " + t.name() + ": connection reset by peer");
    }
    if (t.hasSerial()) {
      to.with(t, null, c -> {
        to.advance(c, t);
        return null;
      });
    }
    return total;
  }

  private long rows(Table t, Connection source, Connection target, boolean half, boolean fail) throws SQLException {
    List<String> columns = from.columns(source, t);
    for (String name : columns) {
      to.addColumn(target, t, column(t, name));
    }
    // Into a table with rows a serial number would clash, so it is given anew.
    boolean renumber = t.hasSerial() && append && to.count(t) > 0;
    List<String> names = new ArrayList<>();
    List<String> marks = new ArrayList<>();
    for (String name : renumber ? columns.subList(1, columns.size()) : columns) {
      names.add(Store.quote(name));
      marks.add("?");
    }
    String list = String.join(", ", names);
    long available = 0;
    try (Statement s = source.createStatement();
        ResultSet r = s.executeQuery("SELECT COUNT(*) FROM " + from.qualified(t))) {
      r.next();
      available = r.getLong(1);
    }
    long limit = half || fail ? available / 2 : available;
    target.setAutoCommit(false);
    try (Statement s = source.createStatement();
        ResultSet r = s.executeQuery("SELECT " + list + " FROM " + from.qualified(t));
        PreparedStatement p = target.prepareStatement("INSERT INTO " + to.qualified(t) + " (" + list + ") VALUES ("
            + String.join(", ", marks) + ")" + (append ? " ON CONFLICT DO NOTHING" : ""))) {
      long n = 0;
      while (n < limit && r.next()) {
        for (int i = 1; i <= names.size(); i++) {
          set(p, i, column(t, names.get(i - 1).replace("\"", "")).kind(), r);
        }
        p.addBatch();
        n++;
        if (n % BATCH == 0) {
          p.executeBatch();
          target.commit();
        }
      }
      p.executeBatch();
      target.commit();
      return n;
    } finally {
      target.setAutoCommit(true);
    }
  }

  private static Column column(Table t, String name) {
    for (Column c : t.columns()) {
      if (c.name().equals(name)) {
        return c;
      }
    }
    return new Column(name, Kind.TEXT);
  }

  private static void set(PreparedStatement p, int at, Kind kind, ResultSet r) throws SQLException {
    switch (kind) {
      case BYTES -> p.setBytes(at, r.getBytes(at));
      case CLOB, TEXT, KEY -> p.setString(at, r.getString(at));
      case TIME -> p.setTimestamp(at, r.getTimestamp(at));
      default -> p.setObject(at, r.getObject(at));
    }
  }
}
