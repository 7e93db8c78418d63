package dsskit;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Projects as archives: exported, uploaded, imported. An archive's inside, how its length is told and what a refusal looks
 * like are not public: the seed decides.
 */
final class TransferApi {
  /** The folders of a data directory that have a project's data, by the options of an export that take them along. */
  private static final Map<String, String> DATA = new LinkedHashMap<>();

  static {
    DATA.put("exportUploads", "uploads");
    DATA.put("exportManagedFolders", "managed_folders");
    DATA.put("exportSavedModels", "saved_models");
    DATA.put("exportAnalysisModels", "analysis-data");
    DATA.put("exportManagedFS", "managed_datasets");
  }

  private static final String GATEWAY = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body></body></html>\r\n";
  private final Instance instance;
  private final Faults faults;
  private final Path root;
  private final Path uploads;

  TransferApi(Instance instance, Faults faults, Path root) {
    this.instance = instance;
    this.faults = faults;
    this.root = root;
    uploads = instance.home.resolve("tmp/imports");
  }

  boolean takes(Http http) throws Exception {
    if (http.is("POST", "public/api/projects/import/upload")) {
      upload(http);
    } else if (http.is("POST", "public/api/projects/import/*/process")) {
      process(http);
    } else {
      return false;
    }
    return true;
  }

  void export(Http http, String key, Path project) throws IOException, Http.Problem {
    Map<String, Object> options = http.body();
    Path file = Files.createTempFile(Files.createDirectories(instance.home.resolve("tmp")), "export-", ".zip");
    try {
      write(file, key, project, options);
      send(http, file);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private String prefix() {
    return instance.vary.choose("export-prefix", "", "project/", "export/content/");
  }

  private String manifest() {
    return instance.vary.choose("export-manifest", "export-manifest.json", "project-export.json");
  }

  private void write(Path file, String key, Path project, Map<String, Object> options) throws IOException {
    try (ZipOutputStream out = new ZipOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.putNextEntry(new ZipEntry(manifest()));
      out.write(Json.write(Json.object("projectKey", key, "version", instance.version, "prefix", prefix()))
          .getBytes(StandardCharsets.UTF_8));
      add(out, project, prefix() + "config/");
      for (Map.Entry<String, String> e : DATA.entrySet()) {
        Path data = instance.home.resolve(e.getValue()).resolve(key);
        if (Boolean.TRUE.equals(options.get(e.getKey())) && Files.isDirectory(data)) {
          add(out, data, prefix() + "data/" + e.getValue() + "/");
        }
      }
    }
  }

  private static void add(ZipOutputStream out, Path dir, String prefix) throws IOException {
    try (Stream<Path> s = Files.walk(dir)) {
      for (Path p : s.filter(Files::isRegularFile).sorted().toList()) {
        out.putNextEntry(new ZipEntry(prefix + dir.relativize(p)));
        Files.copy(p, out);
      }
    }
  }

  /** With its length ahead of it or in chunks; broken off by the fault export-cut, so that it shows, or "quiet". */
  private void send(Http http, Path file) throws IOException {
    String cut = faults.value("export-cut");
    boolean announced = cut == null ? instance.vary.pick("export-length", 2) == 0 : !cut.equals("quiet");
    long size = Files.size(file);
    http.exchange.getResponseHeaders().set("Content-Type", instance.vary.choose("export-type", "application/zip", "application/octet-stream"));
    http.exchange.sendResponseHeaders(200, announced ? size : 0);
    OutputStream out = http.exchange.getResponseBody();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] block = new byte[8192];
      long left = cut == null ? size : size / 2;
      for (int n = 0; left > 0 && n >= 0; left -= Math.max(n, 0)) {
        n = in.read(block, 0, (int) Math.min(block.length, left));
        out.write(block, 0, Math.max(n, 0));
      }
    }
    out.flush();
    if ("die".equals(cut)) {
      Runtime.getRuntime().halt(1);
    }
    if (cut == null || !announced) {
      out.close();
    }
  }

  private void upload(Http http) throws IOException, Http.Problem {
    design();
    if (hit("upload-refuse", "") && !faults.value("upload-refuse").equals("html")) {
      throw new Http.Problem(413, "java.lang.IllegalArgumentException", "The archive is larger than this instance takes");
    }
    if ("html".equals(faults.value("upload-refuse"))) {
      http.send(502, "text/html", GATEWAY.getBytes(StandardCharsets.UTF_8));
      return;
    }
    String type = http.exchange.getRequestHeaders().getFirst("Content-Type");
    if (type == null || !type.startsWith("multipart/form-data; boundary=")) {
      throw new Http.Problem(400, "java.lang.IllegalArgumentException", "Expected a form with a file, got " + type);
    }
    Files.createDirectories(uploads);
    String id = UUID.randomUUID().toString();
    Path whole = uploads.resolve(id + ".form");
    Files.copy(http.exchange.getRequestBody(), whole);
    unwrap(whole, uploads.resolve(id + ".zip"), type.substring(type.indexOf('=') + 1).replace("\"", ""));
    Files.delete(whole);
    http.json(200, Json.object("id", id));
  }

  /** The one file of a form. */
  private static void unwrap(Path form, Path file, String boundary) throws IOException, Http.Problem {
    byte[] end = ("\r\n--" + boundary + "--").getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile in = new RandomAccessFile(form.toFile(), "r")) {
      byte[] head = new byte[(int) Math.min(4096, in.length())];
      in.readFully(head);
      String text = new String(head, StandardCharsets.ISO_8859_1);
      int begin = text.indexOf("\r\n\r\n");
      byte[] tail = new byte[(int) Math.min(end.length + 16, in.length())];
      in.seek(in.length() - tail.length);
      in.readFully(tail);
      int at = new String(tail, StandardCharsets.ISO_8859_1).lastIndexOf(new String(end, StandardCharsets.ISO_8859_1));
      if (!text.startsWith("--" + boundary) || !text.contains("name=\"file\"") || begin < 0 || at < 0) {
        throw new Http.Problem(400, "java.lang.IllegalArgumentException", "A form without a whole file");
      }
      in.seek(begin + 4);
      long left = in.length() - tail.length + at - begin - 4;
      byte[] block = new byte[65536];
      try (OutputStream out = Files.newOutputStream(file)) {
        while (left > 0) {
          int n = in.read(block, 0, (int) Math.min(block.length, left));
          out.write(block, 0, n);
          left -= n;
        }
      }
    }
  }

  private void design() throws Http.Problem {
    if (!instance.nodeType.equals("design")) {
      throw new Http.Problem(403, "com.dataiku.dip.exceptions.UnauthorizedException", "Projects are imported on design nodes only");
    }
  }

  /** Whether a fault is on for a project: for all where it has no value. */
  private boolean hit(String fault, String key) {
    String v = faults.value(fault);
    return v != null && (v.isEmpty() || v.equals(key));
  }

  private void process(Http http) throws IOException, Http.Problem {
    design();
    Path upload = uploads.resolve(http.path[4] + ".zip");
    if (!ProjectApi.children(uploads).contains(upload)) {
      throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException", "No such import: " + http.path[4]);
    }
    Map<String, Object> settings = http.body();
    if (settings.isEmpty()) {
      throw new Http.Problem(400, "com.google.gson.JsonSyntaxException", "No settings of the import");
    }
    String key = Json.asString(settings.get("targetProjectKey"), "IMPORTED");
    Path target = root.resolve(key).normalize();
    if (!root.equals(target.getParent()) || Files.exists(target)) {
      refuse(http, "Project key not usable: " + key);
      return;
    }
    Faults.sleep(faults.time("import-slow", Duration.ZERO));
    Path made = instance.home.resolve("tmp/imports/" + http.path[4]);
    String missing = unpack(upload, made, key);
    Files.delete(upload);
    if (missing != null || hit("import-refuse", key)) {
      delete(made);
      refuse(http, missing != null ? missing : "The project uses what is not there");
      return;
    }
    place(made, target, key);
    if (hit("import-half", key)) {
      delete(target.resolve("scenarios"));
      throw new Http.Problem(500, "java.io.IOException", "Could not write the scenarios");
    }
    if (hit("import-lost", key)) {
      delete(target);
    }
    if (hit("import-html", key)) {
      http.send(504, "text/html", GATEWAY.getBytes(StandardCharsets.UTF_8));
      return;
    }
    http.json(200, Json.object("success", Boolean.TRUE, "usedProjectKey", key));
  }

  private void refuse(Http http, String why) throws IOException {
    Object message = Json.object("severity", "ERROR", "isFatal", Boolean.TRUE, "code", "ERR_IMPORT", "title", "Import failed",
        "details", why, "message", "Import failed: " + why);
    Object messages = switch (instance.vary.pick("import-messages", 3)) {
      case 0 -> List.of(message);
      case 1 -> Json.object("error", Boolean.TRUE, "messages", List.of(message));
      default -> List.of(why);
    };
    Map<String, Object> answer = Json.object("messages", messages);
    if (instance.vary.pick("import-failure", 2) == 0) {
      answer.put("success", Boolean.FALSE);
    }
    http.json(200, answer);
  }

  /** Unpacks an archive of any layout beside, and says what the project needs and this instance has not. */
  private String unpack(Path zip, Path to, String key) throws IOException, Http.Problem {
    String prefix = null;
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(zip))) {
      for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        if (prefix == null) {
          Map<String, Object> m = Json.asObject(Json.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
          prefix = Json.asString(m.get("prefix"), "");
          continue;
        }
        Path file = to.resolve(e.getName().substring(prefix.length())).normalize();
        if (!file.startsWith(to)) {
          throw new Http.Problem(400, "java.io.IOException", "Bad member: " + e.getName());
        }
        Files.createDirectories(file.getParent());
        Files.copy(in, file);
      }
    }
    if (prefix == null) {
      return "The archive is empty";
    }
    Map<String, Object> known = Json.asObject(ProjectApi.read(instance.home.resolve("config/connections.json")).get("connections"));
    for (Path p : ProjectApi.children(to.resolve("config/datasets"))) {
      String connection = Json.asString(Json.asObject(ProjectApi.read(p).get("params")).get("connection"), "");
      if (!known.containsKey(connection)) {
        return "Connection not found: " + connection;
      }
    }
    return null;
  }

  private void place(Path made, Path target, String key) throws IOException {
    Map<String, Object> params = ProjectApi.read(made.resolve("config/params.json"));
    params.put("projectKey", key);
    Instance.replace(made.resolve("config/params.json"), Json.write(params));
    for (String folder : DATA.values()) {
      if (Files.exists(made.resolve("data/" + folder))) {
        Path data = instance.home.resolve(folder).resolve(key);
        Files.createDirectories(data.getParent());
        delete(data); // of a project of that key that was deleted
        Files.move(made.resolve("data/" + folder), data);
      }
    }
    Files.createDirectories(root);
    Files.move(made.resolve("config"), target);
    delete(made);
  }

  static void delete(Path dir) throws IOException {
    if (!Files.exists(dir)) {
      return;
    }
    try (Stream<Path> s = Files.walk(dir)) {
      for (Path p : s.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }
}
