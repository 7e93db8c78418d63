package dsskit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** bin/dsscli: a thin client of the running backend, which it finds and enters through its data directory. */
final class Cli {
  private static final String BOUNDARY = "dsscli-7d9f1c2a";
  private final Instance instance;

  private Cli(Instance instance) {
    this.instance = instance;
  }

  static int run(Instance instance, List<String> args) throws Exception {
    try {
      return new Cli(instance).command(args);
    } catch (java.net.ConnectException e) {
      System.err.println("Could not connect to DSS, is it running?");
      return instance.vary.failure("dsscli");
    }
  }

  private int command(List<String> args) throws Exception {
    String name = args.isEmpty() ? "" : args.get(0);
    List<String> rest = args.stream().skip(1).filter(a -> !a.startsWith("--")).toList();
    switch (name + "/" + rest.size()) {
      case "code-envs-list/0":
        table("admin/code-envs/", "envName", "envLang", "deploymentMode");
        return 0;
      case "code-env-update/2":
        call("POST", "admin/code-envs/" + part(rest.get(0)) + "/" + part(rest.get(1)) + "/packages?forceRebuildEnv="
            + args.contains("--force-rebuild-env"), new byte[0]);
        System.out.println("Code env updated");
        return 0;
      case "projects-list/0":
        table("projects/", "projectKey", "name");
        return 0;
      case "jobs-list/1":
        for (Object o : Json.asList(Json.parse(text(call("GET", "projects/" + part(rest.get(0)) + "/jobs/", null))))) {
          Map<String, Object> j = Json.asObject(o);
          System.out.println(Json.asObject(j.get("def")).get("id") + "\t" + j.get("state"));
        }
        return 0;
      case "project-export/2":
        Files.write(Path.of(rest.get(1)), call("POST", "projects/" + part(rest.get(0)) + "/export", new byte[0]));
        return 0;
      case "project-import/1":
        return importProject(args, Path.of(rest.get(0)));
      default:
        System.err.println("usage: dsscli {code-envs-list,code-env-update,projects-list,jobs-list,project-export,"
            + "project-import} ...");
        return 2;
    }
  }

  private int importProject(List<String> args, Path file) throws Exception {
    String key = args.stream().filter(a -> a.startsWith("--project-key=")).findFirst().orElse("--project-key=IMPORTED");
    String id = Json.asString(Json.asObject(Json.parse(text(
        call("POST", "projects/import/upload", form(Files.readAllBytes(file)))))).get("id"), "");
    String answer = text(call("POST", "projects/import/" + id + "/process",
        Json.write(Json.object("targetProjectKey", key.substring(14))).getBytes(StandardCharsets.UTF_8)));
    System.out.println(answer);
    return answer.contains("\"success\": true") ? 0 : instance.vary.failure("dsscli");
  }

  /** The archive as the one file of a form. */
  private static byte[] form(byte[] file) throws IOException {
    ByteArrayOutputStream b = new ByteArrayOutputStream();
    b.writeBytes(("--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tmp-import.zip\"\r\n\r\n")
        .getBytes(StandardCharsets.UTF_8));
    b.writeBytes(file);
    b.writeBytes(("\r\n--" + BOUNDARY + "--\r\n").getBytes(StandardCharsets.UTF_8));
    return b.toByteArray();
  }

  private void table(String path, String... columns) throws Exception {
    System.out.println(String.join("\t", columns));
    for (Object o : Json.asList(Json.parse(text(call("GET", path, null))))) {
      StringBuilder line = new StringBuilder();
      for (String c : columns) {
        line.append(line.isEmpty() ? "" : "\t").append(Json.asObject(o).get(c));
      }
      System.out.println(line);
    }
  }

  private byte[] call(String method, String path, byte[] body) throws Exception {
    Map<String, Object> keys = Json.asObject(Json.parse(
        Files.readString(instance.home.resolve("config/public-apikeys.json"))));
    String key = Json.asString(Json.asObject(Json.asList(keys.get("keys")).get(0)).get("key"), "");
    HttpURLConnection c = (HttpURLConnection) URI.create(
        "http://127.0.0.1:" + (instance.basePort + 1) + "/public/api/" + path).toURL().openConnection();
    c.setRequestMethod(method);
    c.setRequestProperty("Authorization",
        "Basic " + Base64.getEncoder().encodeToString((key + ":").getBytes(StandardCharsets.UTF_8)));
    if (path.endsWith("/upload")) {
      c.setRequestProperty("Content-Type", "multipart/form-data; boundary=" + BOUNDARY);
    }
    if (body != null) {
      c.setDoOutput(true);
      try (OutputStream out = c.getOutputStream()) {
        out.write(body);
      }
    }
    if (c.getResponseCode() >= 300) {
      try (InputStream in = c.getErrorStream()) {
        throw new IOException(Json.asString(Json.asObject(Json.parse(text(in.readAllBytes()))).get("message"), ""));
      }
    }
    try (InputStream in = c.getInputStream()) {
      return in.readAllBytes();
    }
  }

  private static String text(byte[] b) {
    return new String(b, StandardCharsets.UTF_8);
  }

  private static String part(String s) {
    return URLEncoder.encode(s, StandardCharsets.UTF_8);
  }
}
