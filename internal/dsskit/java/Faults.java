package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The faults switched on right now: "name" or "name=value", separated by blanks, commas or lines, in the environment
 * or in a file of the data directory or of the kit. Read anew at each question, so that a running instance follows.
 */
final class Faults {
  private final Instance instance;

  Faults(Instance instance) {
    this.instance = instance;
  }

  /** The value of a fault ("" where it has none), or null when it is off. */
  String value(String name) {
    String all = Instance.env("DSSKIT_FAULTS", "")
        + "\n" + read(instance.home.resolve("run/dsskit-faults"))
        + "\n" + read(instance.kit.resolve("dsskit-faults"));
    for (String word : all.split("[\\s,]+")) {
      if (word.equals(name)) {
        return "";
      }
      if (word.startsWith(name + "=")) {
        return word.substring(name.length() + 1);
      }
    }
    return null;
  }

  boolean on(String name) {
    return value(name) != null;
  }

  /** A fault that is a length of time: "300ms", "2s". */
  Duration time(String name, Duration otherwise) {
    String v = value(name);
    if (v == null || v.isEmpty()) {
      return otherwise;
    }
    if (v.endsWith("ms")) {
      return Duration.ofMillis(Long.parseLong(v.substring(0, v.length() - 2)));
    }
    if (v.endsWith("s")) {
      return Duration.ofMillis((long) (Double.parseDouble(v.substring(0, v.length() - 1)) * 1000));
    }
    return Duration.ofMillis(Long.parseLong(v));
  }

  static void sleep(Duration d) {
    try {
      Thread.sleep(d.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String read(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      return "";
    }
  }
}
