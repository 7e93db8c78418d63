package dsskit;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON and writes it as DSS's files look: keys in their order, two spaces, and the characters that could end an
 * HTML attribute as escapes. Numbers keep the spelling they were read with, so a file read and written is the same file.
 */
final class Json {
  /** A number as it was spelled. */
  record Num(String text) {
    long asLong() {
      return new BigDecimal(text).longValue();
    }
  }

  static Map<String, Object> object(Object... pairs) {
    Map<String, Object> m = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      m.put((String) pairs[i], pairs[i + 1]);
    }
    return m;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> asObject(Object o) {
    return o instanceof Map ? (Map<String, Object>) o : null;
  }

  @SuppressWarnings("unchecked")
  static List<Object> asList(Object o) {
    return o instanceof List ? (List<Object>) o : List.of();
  }

  static String asString(Object o, String otherwise) {
    if (o instanceof Num n) {
      return n.text();
    }
    return o == null ? otherwise : o.toString();
  }

  static Object parse(String text) {
    Json p = new Json(text);
    Object v = p.value();
    p.blank();
    if (p.at < text.length()) {
      throw p.bad("something after the end of the document");
    }
    return v;
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value, "");
    return out.toString();
  }

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  private IllegalArgumentException bad(String what) {
    return new IllegalArgumentException("Malformed JSON at offset " + at + ": " + what);
  }

  private void blank() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private char peek() {
    blank();
    if (at >= text.length()) {
      throw bad("unexpected end");
    }
    return text.charAt(at);
  }

  private void expect(char c) {
    if (peek() != c) {
      throw bad("expected " + c + " but was " + text.charAt(at));
    }
    at++;
  }

  private Object value() {
    switch (peek()) {
      case '{':
        return members();
      case '[':
        return elements();
      case '"':
        return string();
      default:
        return literal();
    }
  }

  private Map<String, Object> members() {
    Map<String, Object> m = new LinkedHashMap<>();
    expect('{');
    if (peek() == '}') {
      at++;
      return m;
    }
    while (true) {
      if (peek() != '"') {
        throw bad("expected a name");
      }
      String key = string();
      expect(':');
      m.put(key, value());
      if (peek() == ',') {
        at++;
        continue;
      }
      expect('}');
      return m;
    }
  }

  private List<Object> elements() {
    List<Object> l = new ArrayList<>();
    expect('[');
    if (peek() == ']') {
      at++;
      return l;
    }
    while (true) {
      l.add(value());
      if (peek() == ',') {
        at++;
        continue;
      }
      expect(']');
      return l;
    }
  }

  private String string() {
    StringBuilder s = new StringBuilder();
    at++;
    while (true) {
      if (at >= text.length()) {
        throw bad("unterminated string");
      }
      char c = text.charAt(at++);
      if (c == '"') {
        return s.toString();
      }
      if (c != '\\') {
        s.append(c);
        continue;
      }
      if (at >= text.length()) {
        throw bad("unterminated string");
      }
      char e = text.charAt(at++);
      if (e == 'u') {
        if (at + 4 > text.length()) {
          throw bad("unterminated escape");
        }
        s.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
        at += 4;
        continue;
      }
      int known = "bfnrt".indexOf(e);
      s.append(known >= 0 ? "\b\f\n\r\t".charAt(known) : e);
    }
  }

  private Object literal() {
    int start = at;
    while (at < text.length() && ",]} \t\r\n:".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    String word = text.substring(start, at);
    switch (word) {
      case "true":
        return Boolean.TRUE;
      case "false":
        return Boolean.FALSE;
      case "null":
        return null;
      default:
    }
    try {
      new BigDecimal(word);
    } catch (NumberFormatException e) {
      throw bad("unexpected \"" + word + "\"");
    }
    return new Num(word);
  }

  private static void write(StringBuilder out, Object v, String indent) {
    String inner = indent + "  ";
    if (v instanceof Map<?, ?> m) {
      if (m.isEmpty()) {
        out.append("{}");
        return;
      }
      String sep = "{\n";
      for (Map.Entry<?, ?> e : m.entrySet()) {
        out.append(sep).append(inner);
        quote(out, (String) e.getKey());
        out.append(": ");
        write(out, e.getValue(), inner);
        sep = ",\n";
      }
      out.append('\n').append(indent).append('}');
    } else if (v instanceof List<?> l) {
      if (l.isEmpty()) {
        out.append("[]");
        return;
      }
      String sep = "[\n";
      for (Object e : l) {
        out.append(sep).append(inner);
        write(out, e, inner);
        sep = ",\n";
      }
      out.append('\n').append(indent).append(']');
    } else if (v instanceof Num n) {
      out.append(n.text());
    } else if (v instanceof String s) {
      quote(out, s);
    } else {
      out.append(v);
    }
  }

  private static void quote(StringBuilder out, String s) {
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      int known = "\b\f\n\r\t\"\\".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("bfnrt\"\\".charAt(known));
      } else if (c < 0x20 || "<>&='".indexOf(c) >= 0 || c == 0x2028 || c == 0x2029) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
