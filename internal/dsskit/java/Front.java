package dsskit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * The web server in front of DSS: it answers / by itself as soon as it runs, which says nothing about the backend, and
 * passes everything else on, or answers 502 in HTML while nobody listens there.
 */
public final class Front {
  private static final String BAD_GATEWAY = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
      + "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

  private Front() {}

  public static void main(String[] args) throws Exception {
    Instance instance = new Instance();
    Life.watch(instance);
    try (ServerSocket server = new ServerSocket()) {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress((InetAddress) null, instance.basePort), 200);
      System.out.println("Listening on " + instance.basePort);
      while (true) {
        Socket client = server.accept();
        daemon(() -> serve(client, instance.basePort + 1));
      }
    }
  }

  private static void daemon(Runnable r) {
    Thread t = new Thread(r);
    t.setDaemon(true);
    t.start();
  }

  private static void serve(Socket client, int backend) {
    try (client) {
      client.setSoTimeout(60_000);
      String head = head(client.getInputStream());
      if (head.isEmpty()) {
        return;
      }
      String[] request = head.substring(0, head.indexOf("\r\n")).split(" ");
      if (request.length > 1 && request[1].equals("/")) {
        answer(client, "200 OK", "<html><head><title>Dataiku DSS</title></head><body>Loading…</body></html>");
        return;
      }
      Socket upstream = new Socket();
      try {
        upstream.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), backend), 2000);
      } catch (IOException e) {
        upstream.close();
        answer(client, "502 Bad Gateway", BAD_GATEWAY);
        return;
      }
      try (upstream) {
        upstream.setSoTimeout(60_000);
        OutputStream out = upstream.getOutputStream();
        out.write(closing(head).getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
        daemon(() -> pump(client, upstream));
        String answer = head(upstream.getInputStream());
        if (answer.isEmpty()) {
          answer(client, "502 Bad Gateway", BAD_GATEWAY);
          return;
        }
        client.getOutputStream().write(closing(answer).getBytes(StandardCharsets.ISO_8859_1));
        upstream.getInputStream().transferTo(client.getOutputStream());
      }
    } catch (IOException e) {
      // A peer that hangs up is no news.
    }
  }

  private static void pump(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // The answer has been given and the sockets are closed.
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream b = new ByteArrayOutputStream();
    int matched = 0;
    while (matched < 4 && b.size() < 65_536) {
      int c = in.read();
      if (c < 0) {
        return "";
      }
      b.write(c);
      matched = c == "\r\n\r\n".charAt(matched) ? matched + 1 : c == '\r' ? 1 : 0;
    }
    return b.toString(StandardCharsets.ISO_8859_1);
  }

  /** One request a connection keeps the passing on simple; both sides are told so. */
  private static String closing(String head) {
    StringBuilder out = new StringBuilder();
    for (String line : head.split("\r\n")) {
      String name = line.toLowerCase();
      if (!name.startsWith("connection:") && !name.startsWith("expect:")) {
        out.append(line).append("\r\n");
      }
    }
    return out.append("Connection: close\r\n\r\n").toString();
  }

  private static void answer(Socket client, String status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    OutputStream out = client.getOutputStream();
    out.write(("HTTP/1.1 " + status + "\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
        + bytes.length + "\r\nConnection: close\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
    out.write(bytes);
    out.flush();
  }
}
