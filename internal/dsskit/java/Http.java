package dsskit;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** One request to the backend, and the ways to answer it. */
final class Http {
  /** An answer that is not the one asked for. */
  static final class Problem extends Exception {
    final int status;
    final String type;

    Problem(int status, String type, String message) {
      super(message);
      this.status = status;
      this.type = type;
    }
  }

  final HttpExchange exchange;
  final String method;
  final String[] path;

  Http(HttpExchange exchange) {
    this.exchange = exchange;
    method = exchange.getRequestMethod();
    String[] raw = exchange.getRequestURI().getRawPath().replaceAll("^/+|/+$", "").split("/+");
    path = new String[raw.length];
    for (int i = 0; i < raw.length; i++) {
      path[i] = URLDecoder.decode(raw[i], StandardCharsets.UTF_8);
    }
  }

  /** Whether the request is of this method and this path, in which * stands for any one part. */
  boolean is(String wantMethod, String wantPath) {
    String[] want = wantPath.split("/");
    if (!method.equals(wantMethod) || want.length != path.length) {
      return false;
    }
    for (int i = 0; i < want.length; i++) {
      if (!want[i].equals("*") && !want[i].equals(path[i])) {
        return false;
      }
    }
    return true;
  }

  Map<String, String> query() {
    Map<String, String> q = new HashMap<>();
    String raw = exchange.getRequestURI().getRawQuery();
    for (String pair : raw == null ? new String[0] : raw.split("&")) {
      String[] kv = pair.split("=", 2);
      q.put(kv[0], kv.length == 2 ? URLDecoder.decode(kv[1], StandardCharsets.UTF_8) : "");
    }
    return q;
  }

  byte[] bytes() throws IOException {
    return exchange.getRequestBody().readAllBytes();
  }

  Map<String, Object> body() throws IOException, Problem {
    try {
      String text = new String(bytes(), StandardCharsets.UTF_8);
      Map<String, Object> m = Json.asObject(text.isBlank() ? Json.object() : Json.parse(text));
      if (m == null) {
        throw new IllegalArgumentException("Expected an object");
      }
      return m;
    } catch (IllegalArgumentException e) {
      throw new Problem(400, "com.google.gson.JsonSyntaxException", e.getMessage());
    }
  }

  /** The API key: user name of HTTP basic with an empty password, or bearer token. */
  String key() {
    String header = exchange.getRequestHeaders().getFirst("Authorization");
    if (header == null) {
      return "";
    }
    if (header.startsWith("Bearer ")) {
      return header.substring(7).trim();
    }
    if (header.startsWith("Basic ")) {
      try {
        String pair = new String(Base64.getDecoder().decode(header.substring(6).trim()), StandardCharsets.UTF_8);
        return pair.endsWith(":") ? pair.substring(0, pair.length() - 1) : "";
      } catch (IllegalArgumentException e) {
        return "";
      }
    }
    return "";
  }

  void json(int status, Object value) throws IOException {
    send(status, "application/json;charset=utf-8", Json.write(value).getBytes(StandardCharsets.UTF_8));
  }

  void done() throws IOException {
    exchange.sendResponseHeaders(204, -1);
  }

  void send(int status, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }
}
