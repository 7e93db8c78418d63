package dsskit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/** One data directory as the programs of the kit see it. The scripts hand over what bin/env-default.sh says. */
final class Instance {
  final Path home;
  final Path kit;
  final String nodeType;
  final int basePort;
  final String version;
  final int confVersion;
  final Vary vary;

  Instance() throws IOException {
    home = Path.of(env("DIP_HOME", ""));
    kit = Path.of(env("DKUINSTALLDIR", ""));
    nodeType = env("DKU_NODE_TYPE", "design");
    basePort = Integer.parseInt(env("DKU_BASE_PORT", "0"));
    Map<String, Object> v = Json.asObject(Json.parse(Files.readString(kit.resolve("dss-version.json"))));
    version = Json.asString(v.get("product_version"), "0");
    confVersion = Integer.parseInt(Json.asString(v.get("conf_version"), "0"));
    vary = new Vary(properties(home.resolve("install-support/dsskit.properties")).getProperty("seed", "0"));
  }

  static String env(String name, String otherwise) {
    String v = System.getenv(name);
    return v == null || v.isEmpty() ? otherwise : v;
  }

  static Properties properties(Path file) throws IOException {
    Properties p = new Properties();
    if (Files.exists(file)) {
      try (InputStream in = Files.newInputStream(file)) {
        p.load(in);
      }
    }
    return p;
  }

  boolean present() {
    return Files.exists(home.resolve("install.ini"));
  }

  Path settingsFile() {
    return home.resolve("config/general-settings.json");
  }

  Map<String, Object> settings() throws IOException {
    return Json.asObject(Json.parse(Files.readString(settingsFile())));
  }

  /** Written beside and renamed, as DSS does with its critical files. */
  static void replace(Path file, String text) throws IOException {
    Path beside = file.resolveSibling(file.getFileName() + ".tmp");
    Files.writeString(beside, text);
    Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** The connection block of the external database, or null where the databases are embedded. */
  Map<String, Object> connection() throws IOException {
    if (nodeType.equals("govern")) {
      return governConnection();
    }
    Map<String, Object> internal = Json.asObject(settings().get("internalDatabase"));
    return internal == null ? null : Json.asObject(internal.get("connection"));
  }

  private Map<String, Object> governConnection() throws IOException {
    Properties p = properties(home.resolve("config/dip.properties"));
    Map<String, Object> params = new LinkedHashMap<>();
    params.put("useURL", Boolean.TRUE);
    params.put("url", p.getProperty("psql.jdbc.url", ""));
    params.put("user", p.getProperty("psql.jdbc.user", ""));
    params.put("password", p.getProperty("psql.jdbc.password", ""));
    return Json.object("type", "PostgreSQL", "params", params);
  }

  String internal(String key, String otherwise) throws IOException {
    if (nodeType.equals("govern")) {
      return otherwise;
    }
    Map<String, Object> internal = Json.asObject(settings().get("internalDatabase"));
    String v = internal == null ? null : Json.asString(internal.get(key), null);
    return v == null || v.isEmpty() ? otherwise : v;
  }

  /** Whether this version is older than the given one; suffixes do not count. */
  boolean olderThan(int... than) {
    String[] parts = version.split("[^0-9]+");
    for (int i = 0; i < than.length; i++) {
      int mine = i < parts.length && !parts[i].isEmpty() ? Integer.parseInt(parts[i]) : 0;
      if (mine != than[i]) {
        return mine < than[i];
      }
    }
    return false;
  }
}
