package dsskit;

import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.sql.SQLException;
import java.util.List;
import java.util.Properties;

/** Does a little of what the programs do, for the archive of their classes to have those that they need: see java.go. */
final class Training {
  private Training() {}

  public static void main(String[] args) throws Exception {
    Instance instance = new Instance();
    for (String dir : List.of("databases", "timelines", "run", "tmp")) {
      Files.createDirectories(instance.home.resolve(dir));
    }
    new Setup(instance).fresh(2);
    Class.forName("dsskit.Backend");
    Class.forName("dsskit.Front");
    Class.forName("dsskit.Tool");
    try (Store store = Store.open(instance)) {
      store.prepare(instance.confVersion);
      for (Schema.Table t : store.schema.tables) {
        Rows.digest(store, t);
      }
      int port = new Api(instance, new Faults(instance), store).serve();
      get(port, "/dip/api/get-configuration", "");
      get(port, "/public/api/projects/", "nobody's");
    }
    try {
      new org.postgresql.Driver().connect("jdbc:postgresql://127.0.0.1:1/none", new Properties());
    } catch (SQLException e) {
      // Nobody listens there.
    }
    System.exit(0); // the server would go on
  }

  private static void get(int port, String path, String key) throws Exception {
    HttpURLConnection c = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + path).toURL().openConnection();
    c.setRequestProperty("Authorization", "Bearer " + key);
    try (InputStream in = c.getResponseCode() < 400 ? c.getInputStream() : c.getErrorStream()) {
      if (in != null) {
        in.readAllBytes();
      }
    }
  }
}
