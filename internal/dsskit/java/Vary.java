package dsskit;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;

/** Chooses what is not publicly known of DSS: the same seed always gives the same instance, another seed another one. */
final class Vary {
  final String seed;

  Vary(String seed) {
    this.seed = seed;
  }

  /** A number below n for this question, fixed by the seed. */
  int pick(String question, int n) {
    CRC32 crc = new CRC32();
    crc.update((seed + "/" + question).getBytes(StandardCharsets.UTF_8));
    long mixed = (crc.getValue() + 0x9E37L) * 0x9E3779B97F4A7C15L;
    return (int) ((mixed >>> 33) % n);
  }

  @SafeVarargs
  final <T> T choose(String question, T... from) {
    return from[pick(question, from.length)];
  }

  /** One of the exit codes that a failing command may end with. */
  int failure(String command) {
    return choose("exit/" + command, 1, 2, 3, 70, 255);
  }

  /** A list as the public API gives it: bare, or with a page around it. */
  Object page(String question, List<?> list) {
    return pick("page/" + question, 2) == 0 ? list : Json.object("total", new Json.Num(Integer.toString(list.size())), "items", list);
  }
}
