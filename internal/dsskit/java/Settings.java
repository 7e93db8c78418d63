package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Map;

/**
 * general-settings.json as the running backend holds it: read once at the start, and written out whole at each save,
 * over whatever was put into the file meanwhile.
 */
final class Settings {
  private final Instance instance;
  private final Map<String, Object> held;

  Settings(Instance instance, Faults faults) throws IOException {
    this.instance = instance;
    held = Files.exists(instance.settingsFile()) ? instance.settings() : Json.object();
    if (faults.on("settings-rewrite-at-start")) {
      touch();
    }
    Thread t = new Thread(() -> {
      while (true) {
        Faults.sleep(Duration.ofMillis(300));
        if (faults.on("settings-rewrite")) {
          touch();
        }
      }
    });
    t.setDaemon(true);
    t.start();
  }

  synchronized String text() {
    return Json.write(held);
  }

  /** Takes over the members that DSS knows; the others are dropped without a word. */
  synchronized void put(Map<String, Object> wanted) throws IOException {
    for (Map.Entry<String, Object> e : wanted.entrySet()) {
      if (held.containsKey(e.getKey()) || e.getKey().equals("internalDatabase")) {
        held.put(e.getKey(), e.getValue());
      }
    }
    held.keySet().removeIf(k -> !wanted.containsKey(k));
    save();
  }

  private synchronized void touch() {
    held.put("lastSettingsUpdate", new Json.Num(Long.toString(System.currentTimeMillis())));
    try {
      save();
    } catch (IOException e) {
      System.out.println("[ERROR] [dku.settings] - " + e.getMessage());
    }
  }

  private void save() throws IOException {
    String end = instance.vary.pick("final-newline", 2) == 0 ? "" : "\n";
    Instance.replace(instance.settingsFile(), Json.write(held) + end);
  }
}
