package dev.viridian.matting.image;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A text that a PNG carries in an {@code iTXt} chunk, which keeps every script (a {@code tEXt}
 * chunk keeps Latin-1 alone).
 *
 * @param keyword 1 to 79 printable Latin-1 characters
 * @param text without the character NUL
 */
public record PngText(String keyword, String text) {
  private static final String XMP =
      """
      <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
      <x:xmpmeta xmlns:x="adobe:ns:meta/">
       <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
         Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
       </rdf:RDF>
      </x:xmpmeta>
      <?xpacket end="r"?>""";

  /**
   * Checks the keyword and the text.
   *
   * @throws IllegalArgumentException if the format cannot hold them
   */
  public PngText {
    boolean printable = keyword.chars().allMatch(c -> c >= 32 && c < 127 || c > 160 && c < 256);
    if (keyword.isEmpty()
        || keyword.length() > 79
        || !printable
        || !keyword.equals(keyword.strip())) {
      throw new IllegalArgumentException(
          "PngText: keyword '" + keyword + "', expected 1 to 79 printable Latin-1 characters");
    }
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("PngText: the text of '" + keyword + "' contains NUL");
    }
  }

  /**
   * The marks that say that a picture was made by a model: for people ({@code Comment}, {@code
   * Software}) and, as XMP, IPTC's digital source type "trained algorithmic media" for programs.
   *
   * @param software name and version of the program
   */
  public static List<PngText> aiGenerated(String software) {
    return List.of(
        new PngText("Software", software),
        new PngText("Comment", "AI generated"),
        new PngText("XML:com.adobe.xmp", XMP));
  }

  /**
   * The text {@code parameters} in the form that the A1111 web UI writes and others read:
   *
   * <pre>
   * prompt
   * Negative prompt: …
   * Steps: 20, Sampler: Euler a, CFG scale: 7.5, …
   * </pre>
   *
   * @param negativePrompt its line is left out where it is empty
   * @param values the last line, in this order; values with a comma, a colon or a line end are
   *     quoted
   */
  public static PngText parameters(
      String prompt, String negativePrompt, Map<String, String> values) {
    String negative = negativePrompt.isEmpty() ? "" : "\nNegative prompt: " + negativePrompt;
    String last =
        values.entrySet().stream()
            .map(entry -> entry.getKey() + ": " + quoted(entry.getValue()))
            .collect(Collectors.joining(", "));
    return new PngText("parameters", (prompt + negative + "\n" + last).replace("\0", ""));
  }

  private static String quoted(String value) {
    if (value.chars().noneMatch(c -> c == ',' || c == ':' || c == '\n')) {
      return value;
    }
    String escaped =
        value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "");
    return '"' + escaped + '"';
  }

  /** The chunk's data: keyword, not compressed, no language, no translated keyword, the text. */
  byte[] chunk() {
    byte[] name = keyword.getBytes(StandardCharsets.ISO_8859_1);
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    byte[] data = new byte[name.length + 5 + body.length];
    System.arraycopy(name, 0, data, 0, name.length);
    System.arraycopy(body, 0, data, name.length + 5, body.length);
    return data;
  }
}
