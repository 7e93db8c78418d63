package dsskit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The tables of the runtime databases. DSS's own are not public, so their number, names, case and columns follow the
 * seed; only that there is a database called "requests" is known.
 */
final class Schema {
  /** The types that columns have; each engine spells them its own way. */
  enum Kind { SERIAL, KEY, TEXT, CLOB, LONG, TIME, REAL, FLAG, BYTES }

  record Column(String name, Kind kind) {}

  /** A table; timelines are spread over one H2 file a project and gathered in one table outside. */
  record Table(String database, String name, List<Column> columns) {
    boolean perProject() {
      return database.equals("timelines");
    }

    boolean hasSerial() {
      return columns.get(0).kind() == Kind.SERIAL;
    }
  }

  final List<Table> tables = new ArrayList<>();
  final Table version;
  private final Vary vary;

  Schema(Vary vary) {
    this.vary = vary;
    version = new Table("jobs", style(vary.choose("version-table", "schema_version", "migration", "db_info", "meta")),
        List.of(new Column(column("id"), Kind.KEY), new Column(column("version"), Kind.LONG)));
    tables.add(version);
    add("jobs", "job_history", true);
    add("metrics", "metric_value", true);
    add("requests", "request", vary.pick("requests-serial", 2) == 0);
    add("timelines", "timeline_item", false);
    String[][] more = {
      {"flow_state", "dataset_state"}, {"interests", "star"}, {"discussions", "discussion"}, {"jobs", "scenario_run"},
      {"catalog", "table_meta"}, {"metrics", "check_result"}, {"discussions", "reply"}, {"interests", "watch"},
      {"flow_state", "partition_state"}, {"catalog", "column_meta"}, {"jobs", "job_activity"},
    };
    int extra = 1 + vary.pick("table-count", more.length);
    for (int i = 0; i < extra; i++) {
      add(more[i][0], more[i][1], vary.pick("serial/" + more[i][1], 2) == 0);
    }
  }

  List<String> databases() {
    return tables.stream().filter(t -> !t.perProject()).map(Table::database).distinct().toList();
  }

  Table jobHistory() {
    return tables.get(1);
  }

  Table metrics() {
    return tables.get(2);
  }

  Table timelines() {
    return tables.get(4);
  }

  /** The table that an upgrade to this version widens. */
  Table widened(int confVersion) {
    return tables.get(1 + vary.pick("widened/" + confVersion, tables.size() - 1));
  }

  Column addedBy(int confVersion) {
    return new Column(column("since_" + confVersion), Kind.TEXT);
  }

  private void add(String database, String name, boolean serial) {
    List<Column> columns = new ArrayList<>();
    columns.add(new Column(column("id"), serial ? Kind.SERIAL : Kind.KEY));
    columns.add(new Column(column("project_key"), Kind.TEXT));
    columns.add(new Column(column("happened_at"), Kind.TIME));
    columns.add(new Column(column("content"), Kind.CLOB));
    Kind[] others = {Kind.LONG, Kind.REAL, Kind.FLAG, Kind.BYTES, Kind.TEXT};
    int count = 1 + vary.pick("columns/" + name, others.length);
    int first = vary.pick("first/" + name, others.length);
    for (int i = 0; i < count; i++) {
      Kind k = others[(first + i) % others.length];
      columns.add(new Column(column(k.name().toLowerCase(Locale.ROOT) + "_value"), k));
    }
    tables.add(new Table(database, style(name), columns));
  }

  private String style(String name) {
    String styled = switch (vary.pick("table-style", 5)) {
      case 0 -> name;
      case 1 -> name + "s";
      case 2 -> "dku_" + name;
      case 3 -> "t_" + name;
      default -> name.replace("_", "");
    };
    return upper() ? styled.toUpperCase(Locale.ROOT) : styled;
  }

  private String column(String name) {
    return upper() ? name.toUpperCase(Locale.ROOT) : name;
  }

  private boolean upper() {
    return vary.pick("upper-case", 2) == 1;
  }
}
