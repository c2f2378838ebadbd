package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** The kinds of weight files, told by their first bytes whatever their names. */
enum FileFormat {
  SAFETENSORS,
  INDEX,
  TORCH_ZIP,
  TORCH_LEGACY,
  UNKNOWN;

  private static final int HEAD = 64;

  /** The kind of {@code file}. */
  static FileFormat of(OpenFile file) {
    byte[] head = head(file);
    if (head.length >= 4 && head[0] == 'P' && head[1] == 'K' && head[2] == 3 && head[3] == 4) {
      return TORCH_ZIP;
    }
    // a header length with any of its upper four bytes set would be refused in any case
    boolean shortHeader = head.length >= 8 && (head[4] | head[5] | head[6] | head[7]) == 0;
    if (shortHeader && (head.length == 8 || head[8] == '{')) {
      return SAFETENSORS;
    }
    if ((head[0] & 0xff) == 0x80) {
      return TORCH_LEGACY;
    }
    if (text(head).startsWith("{")) {
      return INDEX;
    }
    String name = String.valueOf(file.path().getFileName()).toLowerCase(Locale.ROOT);
    return name.endsWith(".safetensors") && !isText(head) ? SAFETENSORS : UNKNOWN;
  }

  /** That {@code file} is not what was expected, and what it looks like. */
  static InputException unknown(OpenFile file, String expected) {
    byte[] head = head(file);
    String text = text(head);
    String found;
    if (text.startsWith("<")) {
      found = "looks like a web page saved under this name; download the file itself";
    } else if (text.startsWith("version https://git-lfs")) {
      found = "is a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'";
    } else if (text.startsWith("GGUF")) {
      found = "is a GGUF file, which is not read here";
    } else if (isText(head)) {
      found = "is a text that begins with " + Text.quote(text);
    } else {
      found = "is nothing known by its first bytes";
    }
    return file.error(found + ", expected " + expected);
  }

  private static byte[] head(OpenFile file) {
    return file.bytes(0, (int) Math.min(HEAD, file.size()));
  }

  private static String text(byte[] head) {
    return new String(head, StandardCharsets.UTF_8).strip();
  }

  private static boolean isText(byte[] head) {
    for (byte b : head) {
      if (b >= 0 && b < ' ' && b != '\n' && b != '\r' && b != '\t') {
        return false;
      }
    }
    return !text(head).contains("\ufffd");
  }
}
