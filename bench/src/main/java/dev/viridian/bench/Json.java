package dev.viridian.bench;

import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Maps, lists, texts, numbers and truth values as JSON. */
final class Json {
  private static final JsonMapper LINE = JsonMapper.shared();
  private static final JsonMapper INDENTED =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Json() {}

  /** Over several lines. */
  static String text(Object value) {
    return INDENTED.writeValueAsString(value);
  }

  /** In one line. */
  static String line(Object value) {
    return LINE.writeValueAsString(value);
  }
}
