package dsskit;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * What is running inside DSS: jobs, futures and notebooks, one small file each in run/dsskit-work/, which tests write
 * and the API reads and changes.
 */
final class Work {
  private final Path dir;

  Work(Instance instance) {
    dir = instance.home.resolve("run/dsskit-work");
  }

  /** Work dies with the backend. */
  void clear() throws IOException {
    Files.createDirectories(dir);
    for (Path p : files()) {
      Files.deleteIfExists(p);
    }
  }

  private List<Path> files() throws IOException {
    if (!Files.isDirectory(dir)) {
      return List.of();
    }
    try (Stream<Path> s = Files.list(dir)) {
      return s.filter(p -> p.toString().endsWith(".work")).sorted().toList();
    }
  }

  /** All work of one kind; project null means of any project. */
  List<Properties> list(String kind, String project) throws IOException {
    List<Properties> found = new ArrayList<>();
    for (Path p : files()) {
      Properties w = Instance.properties(p);
      if (!kind.equals(w.getProperty("kind")) || (project != null && !project.equals(w.getProperty("project")))) {
        continue;
      }
      long ends = Long.parseLong(w.getProperty("ends", "0"));
      if (ends > 0 && System.currentTimeMillis() > ends && running(w)) {
        w.setProperty("state", "DONE");
      }
      found.add(w);
    }
    return found;
  }

  static boolean running(Properties w) {
    return "RUNNING".equals(w.getProperty("state", "RUNNING"));
  }

  void start(String kind, String id, String project, long millis) throws IOException {
    Properties w = new Properties();
    w.setProperty("kind", kind);
    w.setProperty("id", id);
    w.setProperty("project", project);
    w.setProperty("state", "RUNNING");
    w.setProperty("started", Long.toString(System.currentTimeMillis()));
    if (millis > 0) {
      w.setProperty("ends", Long.toString(System.currentTimeMillis() + millis));
    }
    save(w);
  }

  /** Ends a piece of work before its time; one marked as stubborn goes on. */
  boolean abort(String kind, String id) throws IOException {
    for (Properties w : list(kind, null)) {
      if (id.equals(w.getProperty("id"))) {
        if (!"true".equals(w.getProperty("stubborn"))) {
          w.setProperty("state", "ABORTED");
          save(w);
        }
        return true;
      }
    }
    return false;
  }

  private void save(Properties w) throws IOException {
    StringWriter text = new StringWriter();
    w.store(text, null);
    Instance.replace(dir.resolve(w.getProperty("kind") + "-" + w.getProperty("id").replace('/', '_') + ".work"), text.toString());
  }
}
