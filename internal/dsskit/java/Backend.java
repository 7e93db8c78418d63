package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/** The process "backend" (on a Govern node "governserver", on an API node "apimain") of the supervisor's table. */
public final class Backend {
  /** The exit code that tells the supervisor not to try again: the database went away under a running DSS. */
  private static final int DATABASE_LOST = 3;

  private final Instance instance;
  private final Faults faults;
  private final AtomicBoolean stopping = new AtomicBoolean();
  private Store store;

  private Backend(Instance instance) {
    this.instance = instance;
    faults = new Faults(instance);
  }

  public static void main(String[] args) throws Exception {
    Instance instance = new Instance();
    Life.watch(instance);
    try {
      new Backend(instance).run();
    } catch (Exception e) {
      System.out.println("[FATAL] [dku.startup] - Failed to start: " + e.getMessage());
      e.printStackTrace(System.out);
      Runtime.getRuntime().halt(1);
    }
  }

  private void run() throws Exception {
    System.out.println("[INFO] [dku.startup] - Starting " + instance.version + " on " + instance.home);
    if (faults.on("start-fatal")) {
      throw new IllegalStateException("Could not load the license");
    }
    boolean databases = !instance.nodeType.equals("api");
    if (databases) {
      store = Store.open(instance);
      if (instance.nodeType.equals("govern") && store.count(store.schema.version) == 0) {
        throw new IllegalStateException("The database is not initialized, run govern-admin init-db");
      }
      store.prepare(instance.confVersion);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::stop));
    if (databases) {
      Thread t = new Thread(this::write);
      t.setDaemon(true);
      t.start();
    }
    if (faults.on("start-hang")) {
      System.out.println("[INFO] [dku.startup] - Waiting for a lock");
      Thread.currentThread().join();
    }
    Faults.sleep(faults.time("start-slow", Duration.ofMillis(300)));
    runScenarios();
    new Api(instance, faults, store).serve();
    System.out.println("[INFO] [dku.startup] - Ready");
  }

  /** What a DSS that nobody uses writes all the same: jobs, metrics, timelines; each to another database. */
  private void write() {
    Rows rows = new Rows(System.nanoTime());
    int round = 0;
    while (!stopping.get()) {
      try {
        Schema s = store.schema;
        String project = Rows.PROJECTS[round % Rows.PROJECTS.length];
        rows.add(store, s.jobHistory(), project, 1);
        Faults.sleep(Duration.ofMillis(20));
        rows.add(store, s.metrics(), project, 1 + round % 3);
        if (round % 3 == 0) {
          rows.add(store, s.timelines(), project, 1);
        }
        if (faults.on("disk-full")) {
          throw new SQLException("No space left on device");
        }
      } catch (SQLException e) {
        if (stopping.get()) {
          return;
        }
        System.out.println("[FATAL] [dku.db.internal] - Runtime database failed: " + e.getMessage());
        Runtime.getRuntime().halt(DATABASE_LOST);
      }
      round++;
      Faults.sleep(Duration.ofMillis(200 + 20 * (round % 5)));
    }
  }

  /** Every scenario that is active is due when DSS starts. That it runs is said in the log. */
  private void runScenarios() throws IOException {
    for (Path project : ProjectApi.children(instance.home.resolve("config/projects"))) {
      for (Path file : ProjectApi.children(project.resolve("scenarios"))) {
        if (Boolean.TRUE.equals(Json.asObject(Json.parse(Files.readString(file))).get("active"))) {
          System.out.println("[INFO] [dku.scenarios] - Run " + instance.home.relativize(file) + " in " + instance.home);
        }
      }
    }
  }

  private void stop() {
    if (faults.on("stop-stuck")) {
      while (faults.on("stop-stuck")) {
        Faults.sleep(Duration.ofMillis(200));
      }
    }
    Faults.sleep(faults.time("stop-slow", Duration.ZERO));
    stopping.set(true);
    if (store != null) {
      store.close();
    }
    System.out.println("[INFO] [dku.shutdown] - Bye");
  }
}
