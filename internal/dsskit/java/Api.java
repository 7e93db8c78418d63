package dsskit;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Executors;

/** The HTTP side of the backend: the readiness page and the part of the public API that administration needs. */
final class Api {
  private final Instance instance;
  private final Settings settings;
  private final Store store;
  private final Work work;
  private final ProjectApi projects;
  private final CodeEnvApi codeEnvs;
  private final long started = System.currentTimeMillis();

  Api(Instance instance, Faults faults, Store store) throws IOException {
    this.instance = instance;
    this.store = store;
    settings = new Settings(instance, faults);
    work = new Work(instance);
    work.clear();
    projects = new ProjectApi(instance, faults, work);
    codeEnvs = new CodeEnvApi(instance);
  }

  /** Listens behind the front, on the port that is returned; until then the front answers 502. */
  int serve() throws IOException {
    HttpServer server = HttpServer.create(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), instance.basePort + 1), 100);
    server.createContext("/", this::handle);
    server.setExecutor(Executors.newCachedThreadPool(r -> {
      Thread t = new Thread(r);
      t.setDaemon(true);
      return t;
    }));
    server.start();
    return server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      Http http = new Http(exchange);
      try {
        route(http);
      } catch (Http.Problem e) {
        http.json(e.status, Json.object("errorType", e.type, "message", e.getMessage(), "detailedMessage", e.getMessage()));
      } catch (Exception e) {
        e.printStackTrace(System.out);
        http.json(500, Json.object("errorType", e.getClass().getName(), "message", "Internal error: " + e.getMessage(),
            "detailedMessage", "Internal error, caused by: " + e));
      }
    }
  }

  private void route(Http http) throws Exception {
    if (instance.nodeType.equals("api")) {
      if (http.is("GET", "isAlive")) {
        http.send(200, "text/plain", "OK".getBytes(StandardCharsets.UTF_8));
        return;
      }
      throw notFound(http);
    }
    if (http.is("GET", "dip/api/get-configuration")) {
      Map<String, Object> configuration = Json.object("dipInstanceId", instanceId(), "nodeType", nodeType(),
          "studioName", "DSS", "noneUsersCallToActionBehavior", "HIDE");
      if (tells("configuration")) {
        configuration.put("version", version());
      }
      http.json(200, configuration);
      return;
    }
    if (http.is("GET", "dip/dsskit/rows")) {
      http.send(200, "text/plain", rows().getBytes(StandardCharsets.UTF_8));
      return;
    }
    if (http.path.length < 2 || !http.path[0].equals("public") || !http.path[1].equals("api")) {
      throw notFound(http);
    }
    if (tells("header")) {
      http.exchange.getResponseHeaders().set("DSS-Version", instance.version);
    }
    http.exchange.getResponseHeaders().set("DSS-API-Version", Integer.toString(instance.confVersion));
    boolean admin = authenticate(http);
    if (http.path.length > 2 && http.path[2].equals("admin") && !admin) {
      throw new Http.Problem(403, "com.dataiku.dip.exceptions.UnauthorizedException", "You must be administrator");
    }
    if (!(instanceWide(http) || projects.handle(http) || codeEnvs.handle(http))) {
      throw notFound(http);
    }
  }

  /** The tests' own look into the databases that DSS uses now; DSS has nothing of the kind. */
  private String rows() throws SQLException {
    StringBuilder lines = new StringBuilder();
    for (Schema.Table t : store.schema.tables) {
      lines.append(t.database()).append('\t').append(t.name()).append('\t').append(store.count(t)).append("\t-\n");
    }
    return lines.toString();
  }

  private boolean instanceWide(Http http) throws Exception {
    if (http.is("GET", "public/api/instance-info")) {
      Map<String, Object> info = Json.object("nodeId", Instance.env("DKU_NODE_ID", ""), "nodeName", "DSS", "nodeType", nodeType(),
          "dipInstanceId", instanceId(), "dssStartupTimestamp", new Json.Num(Long.toString(started)));
      if (tells("member")) {
        info.put("dssVersion", instance.version);
      }
      http.json(200, info);
    } else if (http.is("GET", "public/api/futures")) {
      http.json(200, futures());
    } else if (http.is("DELETE", "public/api/futures/*")) {
      if (!work.abort("future", http.path[3])) {
        throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException", "Future not found: " + http.path[3]);
      }
      http.done();
    } else if (http.is("GET", "public/api/admin/notebooks")) {
      http.json(200, notebooks());
    } else if (http.is("DELETE", "public/api/admin/notebooks/*")) {
      work.abort("notebook", http.path[4]);
      http.done();
    } else if (http.is("GET", "public/api/admin/general-settings")) {
      http.send(200, "application/json;charset=utf-8", settings.text().getBytes(StandardCharsets.UTF_8));
    } else if (http.is("PUT", "public/api/admin/general-settings")) {
      settings.put(http.body());
      http.done();
    } else if (http.is("GET", "public/api/admin/connections")) {
      http.json(200, ProjectApi.read(instance.home.resolve("config/connections.json")).get("connections"));
    } else if (http.is("GET", "public/api/plugins")) {
      List<Object> l = new ArrayList<>();
      for (Path p : ProjectApi.children(instance.home.resolve("plugins"))) {
        l.add(Json.object("id", p.getFileName().toString(), "version", "1.0.0", "isDev", Boolean.FALSE));
      }
      http.json(200, instance.vary.page("plugins", l));
    } else if (http.is("POST", "public/api/admin/sanity-check/run")) {
      http.json(200, Json.object("messages", List.of(), "maxSeverity", "INFO", "success", Boolean.TRUE));
    } else {
      return false;
    }
    return true;
  }

  private List<Object> futures() throws IOException {
    List<Object> l = new ArrayList<>();
    for (Properties w : work.list("future", null)) {
      if (Work.running(w)) {
        l.add(Json.object("jobId", w.getProperty("id"), "alive", Boolean.TRUE, "aborted", Boolean.FALSE,
            "hasResult", Boolean.FALSE, "owner", "admin", "startTime", new Json.Num(w.getProperty("started", "0")),
            "payload", Json.object("type", "scenario", "displayName", "Future " + w.getProperty("id"),
                "targets", List.of(Json.object("projectKey", w.getProperty("project", ""))))));
      }
    }
    return l;
  }

  private List<Object> notebooks() throws IOException {
    List<Object> l = new ArrayList<>();
    for (Properties w : work.list("notebook", null)) {
      if (Work.running(w)) {
        l.add(Json.object("projectKey", w.getProperty("project", ""), "name", w.getProperty("id"), "language", "python3",
            "activeSessions", List.of(Json.object("sessionId", "s-" + w.getProperty("id"), "projectKey",
                w.getProperty("project", ""), "sessionCreator", "admin", "kernelExecutionState", "busy",
                "sessionStartTime", new Json.Num(w.getProperty("started", "0"))))));
      }
    }
    return l;
  }

  /** Whether the key is an administrator's; an unknown key is refused. */
  private boolean authenticate(Http http) throws IOException, Http.Problem {
    String given = http.key();
    Path file = instance.home.resolve("config/public-apikeys.json");
    if (Files.exists(file) && !given.isEmpty()) {
      Map<String, Object> all = Json.asObject(Json.parse(Files.readString(file)));
      for (Object o : Json.asList(all.get("keys"))) {
        Map<String, Object> k = Json.asObject(o);
        if (given.equals(k.get("key"))) {
          Map<String, Object> rights = Json.asObject(k.get("globalPermissions"));
          return rights != null && Boolean.TRUE.equals(rights.get("admin"));
        }
      }
    }
    throw new Http.Problem(instance.vary.choose("wrong-key", 401, 403),
        "com.dataiku.dip.exceptions.UnauthorizedException", given.isEmpty() ? "Not authenticated" : "Invalid API key");
  }

  /** Whether the version is told there: not every version and node type tells it everywhere, some nowhere. */
  private boolean tells(String where) {
    return instance.vary.choose("version-told", "member header configuration", "header configuration", "header", "configuration",
        "member", "nowhere").contains(where);
  }

  private Object version() {
    return Json.object("product_version", instance.version, "conf_version", Integer.toString(instance.confVersion));
  }

  private String nodeType() {
    return instance.nodeType.toUpperCase();
  }

  private String instanceId() throws IOException {
    Path f = instance.home.resolve("instance-id.txt");
    return Files.exists(f) ? Files.readString(f).trim() : "";
  }

  static Http.Problem notFound(Http http) {
    return new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException",
        "No such resource: " + http.method + " /" + String.join("/", http.path));
  }
}
