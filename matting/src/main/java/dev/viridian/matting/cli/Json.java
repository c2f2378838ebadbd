package dev.viridian.matting.cli;

import java.io.PrintWriter;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What {@code --json} prints. */
final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Json() {}

  /** Prints maps, lists, texts, numbers and truth values as one JSON value and a line end. */
  static void print(PrintWriter out, Object value) {
    out.println(text(value));
    out.flush();
  }

  /** The same as text. */
  static String text(Object value) {
    return MAPPER.writeValueAsString(value);
  }
}
