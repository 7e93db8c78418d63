package dsskit;

import dsskit.Schema.Column;
import dsskit.Schema.Kind;
import dsskit.Schema.Table;
import java.nio.charset.StandardCharsets;
import java.sql.Clob;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/** Makes rows like those that a living DSS leaves, and reads them back. */
final class Rows {
  static final String[] PROJECTS = {"DKU_SALES", "CHURN", "ETUDE_2"};
  private static final String[] WORDS = {
    "{\"type\":\"build\",\"to\":\"orders\"}", "naïve Bayes – café ☕", "line one\nline two", "it's 5 < 6 & \"so\"", "", "日本語"};
  private final Random random;

  Rows(long seed) {
    random = new Random(seed);
  }

  /** Adds rows to one part of a table, in batches. */
  void add(Store store, Table t, String project, int count) throws SQLException {
    store.with(t, project, c -> {
      List<String> names = new ArrayList<>();
      List<String> marks = new ArrayList<>();
      for (Column col : t.columns()) {
        if (col.kind() != Kind.SERIAL) {
          names.add(Store.quote(col.name()));
          marks.add("?");
        }
      }
      String sql = "INSERT INTO " + store.qualified(t) + " (" + String.join(", ", names) + ") VALUES ("
          + String.join(", ", marks) + ")";
      boolean auto = c.getAutoCommit();
      c.setAutoCommit(count == 1);
      try (PreparedStatement p = c.prepareStatement(sql)) {
        for (int i = 1; i <= count; i++) {
          int at = 1;
          for (Column col : t.columns()) {
            if (col.kind() != Kind.SERIAL) {
              set(p, at++, col, project);
            }
          }
          p.addBatch();
          if (i % 500 == 0) {
            p.executeBatch();
            c.commit();
          }
        }
        p.executeBatch();
        if (count != 1) {
          c.commit();
        }
      } finally {
        c.setAutoCommit(auto);
      }
      return null;
    });
  }

  private void set(PreparedStatement p, int at, Column col, String project) throws SQLException {
    boolean empty = col.kind() != Kind.KEY && random.nextInt(20) == 0;
    switch (col.kind()) {
      case KEY -> p.setString(at, new UUID(random.nextLong(), System.nanoTime()).toString());
      case TEXT -> p.setString(at, empty ? null : project != null ? project : PROJECTS[random.nextInt(PROJECTS.length)]);
      case CLOB -> p.setString(at, empty ? null : WORDS[random.nextInt(WORDS.length)] + " " + random.nextInt(1000));
      case LONG -> setOrNull(p, at, Types.BIGINT, empty ? null : random.nextLong());
      case TIME -> p.setTimestamp(at, empty ? null : new Timestamp(System.currentTimeMillis() - random.nextInt(1 << 30)));
      case REAL -> setOrNull(p, at, Types.DOUBLE, empty ? null : random.nextGaussian() * 1e6);
      case FLAG -> setOrNull(p, at, Types.BOOLEAN, empty ? null : random.nextBoolean());
      case BYTES -> {
        byte[] b = new byte[random.nextInt(40)];
        random.nextBytes(b);
        p.setBytes(at, empty ? null : b);
      }
      default -> throw new SQLException("no value for " + col);
    }
  }

  private static void setOrNull(PreparedStatement p, int at, int type, Object value) throws SQLException {
    if (value == null) {
      p.setNull(at, type);
    } else {
      p.setObject(at, value);
    }
  }

  /** One number for all content of a table, in whatever order its rows come; equal where the rows are equal. */
  static long digest(Store store, Table t) throws SQLException {
    long[] sum = {0};
    for (String part : store.parts(t)) {
      store.with(t, part, c -> {
        if (!store.exists(c, t)) {
          return null;
        }
        try (Statement s = c.createStatement();
            ResultSet r = s.executeQuery("SELECT * FROM " + store.qualified(t))) {
          int columns = r.getMetaData().getColumnCount();
          while (r.next()) {
            long row = 17;
            for (int i = 1; i <= columns; i++) {
              row = row * 1_000_003 + spelled(r.getObject(i)).hashCode();
            }
            sum[0] += row * 0x9E3779B97F4A7C15L;
          }
        }
        return null;
      });
    }
    return sum[0];
  }

  private static String spelled(Object o) throws SQLException {
    if (o instanceof Clob clob) {
      return clob.getSubString(1, (int) clob.length());
    }
    if (o instanceof java.sql.Blob blob) {
      return new String(blob.getBytes(1, (int) blob.length()), StandardCharsets.ISO_8859_1);
    }
    if (o instanceof byte[] bytes) {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }
    return String.valueOf(o);
  }
}
