package dsskit;

import java.nio.file.Files;

/** A program whose data directory is taken away ends by itself, so that nothing outlives the test that started it. */
final class Life {
  private Life() {}

  static void watch(Instance instance) {
    Thread t = new Thread(() -> {
      while (Files.exists(instance.home.resolve("install.ini"))) {
        try {
          Thread.sleep(500);
        } catch (InterruptedException e) {
          return;
        }
      }
      Runtime.getRuntime().halt(4);
    });
    t.setDaemon(true);
    t.start();
  }
}
