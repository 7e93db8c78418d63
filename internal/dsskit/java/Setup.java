package dsskit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** What the installer leaves in config/ and databases/: settings, connections, projects, the key of secrets. */
final class Setup {
  private static final String[] SETTINGS = {
    "ldapSettings", "ssoSettings", "azureADSettings", "sparkSettings", "hadoopSettings", "hiveSettings",
    "impalaSettings", "kerberosSettings", "mailSettings", "notifications", "integrationChannels", "themeSettings",
    "homeSettings", "loggingSettings", "auditTrail", "eventServer", "cgroupSettings", "sqlEngineSettings",
    "codeEnvSettings", "pluginSettings", "mlSettings", "visualMLDefaults", "graphiteSettings", "webappSettings",
    "dashboardSettings", "wikiSettings", "exploreSettings", "flowSettings", "schedulerSettings", "jobSettings",
    "deployerClientSettings", "nodesDirectory", "openAPISettings", "governIntegration", "genAISettings",
    "dataCatalogSettings", "dataQualitySettings", "featureStoreSettings", "uploadSettings", "maintenanceTasks",
  };
  private final Instance instance;
  private final Random random;

  Setup(Instance instance) {
    this.instance = instance;
    random = new Random(instance.vary.pick("content", 1 << 20));
  }

  void fresh(int rows) throws Exception {
    Secrets secrets = new Secrets(instance);
    secrets.createKey();
    Path config = instance.home.resolve("config");
    if (instance.nodeType.equals("api")) {
      return;
    }
    if (instance.nodeType.equals("govern")) {
      write(config.resolve("general-settings.json"), Json.object("mailSettings", Json.object(), "limits", Json.object()));
      return;
    }
    write(config.resolve("general-settings.json"), settings());
    write(config.resolve("connections.json"), connections(secrets));
    write(config.resolve("users.json"), users());
    write(config.resolve("public-apikeys.json"), apiKeys());
    Files.createDirectories(config.resolve("projects"));
    for (String project : Instance.env("DSSKIT_PROJECTS", String.join(",", Rows.PROJECTS)).split(",")) {
      if (project.equals("none")) {
        break;
      }
      project(config.resolve("projects/" + project), project);
    }
    try (Store store = new EmbeddedStore(instance, new Schema(instance.vary))) {
      store.prepare(instance.confVersion);
      fill(store, rows);
    }
  }

  /** The same number of rows more in each table, the timelines' spread over the projects. */
  void fill(Store store, int rows) throws Exception {
    Rows maker = new Rows(random.nextLong());
    for (Schema.Table t : store.schema.tables) {
      if (t == store.schema.version || rows <= 0) {
        continue;
      }
      if (!t.perProject()) {
        maker.add(store, t, null, rows);
        continue;
      }
      int left = rows;
      for (int i = Rows.PROJECTS.length; i > 0; i--) {
        maker.add(store, t, Rows.PROJECTS[i - 1], left / i);
        left -= left / i;
      }
    }
  }

  /** What an upgrade does to the settings: they get a member that the older version did not have. */
  void migrateSettings() throws IOException {
    Map<String, Object> settings = instance.settings();
    String key = "settingsSince" + instance.confVersion;
    if (settings.putIfAbsent(key, Json.object("enabled", Boolean.TRUE)) == null) {
      write(instance.settingsFile(), settings);
    }
  }

  private void write(Path file, Object value) throws IOException {
    Files.createDirectories(file.getParent());
    String end = instance.vary.pick("final-newline", 2) == 0 ? "" : "\n";
    Instance.replace(file, Json.write(value) + end);
  }

  private Map<String, Object> settings() {
    Map<String, Object> s = Json.object(
        "studioExternalUrl", "https://dss.example.com/?a=1&b=2",
        "udrMode", "DEFAULT",
        "graphicsExportsEnabled", Boolean.FALSE,
        "containerSettings", Json.object("executionConfigs", List.of(), "defaultExecutionConfig", ""),
        "limits", Json.object("maxRunningActivities", num("5"), "memSampleBytes", num("104857600"),
            "shakerMemTable", Json.object("soft", num("52428800"), "hard", num("9223372036854775807"))),
        "ratio", num("1.0E-7"));
    int block = instance.vary.pick("pool-block", 3);
    if (block == 1) {
      s.put("internalDatabase", pool());
    }
    for (String name : SETTINGS) {
      s.put(name, section(name, 2));
    }
    if (block == 2) {
      s.put("internalDatabase", pool());
    }
    s.put("variables", Json.object("région", "Île-de-France", "sql", "a <> 'b' && c = \"d\"", "emoji", "🐘", "tab", "x\ty\\z"));
    return s;
  }

  private static Map<String, Object> pool() {
    return Json.object(
        "externalConnectionsMaxIdleTimeMS", num("600000"), "externalConnectionsValidationIntervalMS", num("180000"),
        "maxPooledExternalConnections", num("50"), "builtinConnectionsMaxIdleTimeMS", num("1800000"),
        "builtinConnectionsValidationIntervalMS", num("600000"), "maxPooledBuiltinConnectionsPerDatabase", num("50"));
  }

  private Map<String, Object> section(String name, int depth) {
    Map<String, Object> m = Json.object("enabled", random.nextBoolean());
    int members = 4 + random.nextInt(6);
    for (int i = 0; i < members; i++) {
      String key = "option" + (char) ('A' + i);
      switch (random.nextInt(7)) {
        case 0 -> m.put(key, num(Long.toString(random.nextLong())));
        case 1 -> m.put(key, num(random.nextInt(100) + "." + random.nextInt(1000)));
        case 2 -> m.put(key, "value of " + name + " <" + random.nextInt(99) + "> & 'more'");
        case 3 -> m.put(key, new ArrayList<>(List.of("x=" + random.nextInt(9), "été", random.nextBoolean())));
        case 4 -> m.put(key, null);
        case 5 -> m.put(key, List.of());
        default -> m.put(key, depth == 0 ? Json.object() : section(name, depth - 1));
      }
    }
    return m;
  }

  private Map<String, Object> connections(Secrets secrets) throws Exception {
    return Json.object("connections", Json.object(
        "filesystem_managed", Json.object("type", "Filesystem", "params",
            Json.object("root", "${dip.home}/managed_datasets"), "allowWrite", Boolean.TRUE),
        "warehouse", Json.object("type", "PostgreSQL", "params",
            Json.object("port", num("5432"), "host", "warehouse.example.com", "user", "etl",
                "password", secrets.encrypt("etl's own"), "db", "dw",
                "properties", List.of(Json.object("name", "sslmode", "value", "prefer"))),
            "allowWrite", Boolean.TRUE)));
  }

  private Map<String, Object> users() {
    return Json.object("users", List.of(Json.object("login", "admin", "displayName", "Administrator",
        "groups", List.of("administrators"), "userProfile", "FULL_DESIGNER", "enabled", Boolean.TRUE)));
  }

  private Map<String, Object> apiKeys() {
    return Json.object("keys", List.of(
        Json.object("id", "k1", "label", "administration", "key", randomKey(),
            "globalPermissions", Json.object("admin", Boolean.TRUE)),
        Json.object("id", "k2", "label", "reader", "key", randomKey(),
            "globalPermissions", Json.object("admin", Boolean.FALSE))));
  }

  private static String randomKey() {
    byte[] b = new byte[18];
    new java.security.SecureRandom().nextBytes(b);
    return new String(java.util.Base64.getUrlEncoder().encode(b), StandardCharsets.US_ASCII);
  }

  private void project(Path dir, String key) throws IOException {
    write(dir.resolve("params.json"), Json.object("projectKey", key, "name", "Project " + key, "owner", "admin",
        "settings", Json.object(), "shortDesc", "Ventes & prévisions", "projectStatus", "Draft"));
    for (String id : List.of("NIGHTLY", "RETRAIN", "ONHOLD")) {
      write(dir.resolve("scenarios/" + id + ".json"), Json.object("id", id, "type", "step_based",
          "name", id.toLowerCase() + " build", "active", !id.equals("ONHOLD"), "triggers",
          List.of(Json.object("type", "temporal", "active", Boolean.TRUE, "params", Json.object("frequency", "Daily"))),
          "params", Json.object("steps", List.of())));
    }
    write(dir.resolve("saved_models/model1.json"), Json.object("id", "model1", "name", "Model of " + key,
        "projectKey", key, "type", "PREDICTION", "activeVersion", "1"));
  }

  private static Json.Num num(String text) {
    return new Json.Num(text);
  }
}
