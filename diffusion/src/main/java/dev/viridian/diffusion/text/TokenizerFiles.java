package dev.viridian.diffusion.text;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileErrors;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads and checks vocab.json and merges.txt. */
final class TokenizerFiles {
  /** SD1.5's are 1.1 MB and 0.5 MB. */
  private static final long LARGEST_FILE = 64 << 20;

  private static final int LARGEST_ID = (1 << 24) - 1;

  private TokenizerFiles() {}

  /** The ids by token: distinct, 0 to 2^24 - 1; {@code file} is named in errors. */
  static Map<String, Integer> vocabulary(String file, String text) {
    JsonNode root;
    try {
      root = JsonMapper.shared().readTree(text);
    } catch (JacksonException e) {
      throw new InputException(
          file + " is not valid JSON: " + firstLine(e.getOriginalMessage()), e);
    }
    if (root == null || !root.isObject() || root.isEmpty()) {
      throw new InputException(
          file + " does not hold a vocabulary: expected a JSON object of token: id");
    }
    Map<String, Integer> ids = HashMap.newHashMap(root.size());
    Set<Integer> seen = HashSet.newHashSet(root.size());
    root.forEachEntry(
        (token, id) -> {
          if (!id.isInt() || id.intValue() < 0 || id.intValue() > LARGEST_ID) {
            throw new InputException(
                file
                    + ": token "
                    + quote(token)
                    + " has id "
                    + shorten(id.toString())
                    + ", expected a whole number from 0 to "
                    + LARGEST_ID);
          }
          if (!seen.add(id.intValue())) {
            throw new InputException(
                file + ": id " + id + " stands twice, the second time for " + quote(token));
          }
          ids.put(token, id.intValue());
        });
    return ids;
  }

  /** The merges by pair of ids; the rank is the line's place in the file. */
  static Map<Long, BytePairs.Merge> merges(
      String file, String text, Map<String, Integer> vocabulary) {
    List<String> lines = text.lines().toList();
    Map<Long, BytePairs.Merge> merges = HashMap.newHashMap(lines.size());
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isEmpty() || (i == 0 && line.startsWith("#version"))) {
        continue;
      }
      int space = line.indexOf(' ');
      if (space <= 0 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
        throw new InputException(
            file + " line " + (i + 1) + ": expected two tokens, found " + quote(line));
      }
      String left = line.substring(0, space);
      String right = line.substring(space + 1);
      Integer leftId = vocabulary.get(left);
      Integer rightId = vocabulary.get(right);
      Integer merged = vocabulary.get(left + right);
      if (leftId == null || rightId == null || merged == null) {
        throw new InputException(
            file
                + " line "
                + (i + 1)
                + ": "
                + quote(leftId == null ? left : rightId == null ? right : left + right)
                + " is not in the vocabulary; are merges and vocabulary of the same tokenizer?");
      }
      merges.putIfAbsent(BytePairs.pair(leftId, rightId), new BytePairs.Merge(i, merged));
    }
    if (merges.isEmpty()) {
      throw new InputException(file + " holds no merges: expected a pair of tokens a line");
    }
    return merges;
  }

  /** What a file holds. */
  static String text(Path file) {
    try {
      if (Files.isDirectory(file)) {
        throw new InputException(file + " is a folder, expected a file");
      }
      long size = Files.size(file);
      if (size > LARGEST_FILE) {
        throw new InputException(
            file + " has " + size + " bytes, expected a tokenizer file of 64 MiB at most");
      }
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new InputException(
          "tokenizer file "
              + file
              + " not found; a model folder has tokenizer/vocab.json and tokenizer/merges.txt",
          e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + FileErrors.reason(e), e);
    }
  }

  static String quote(String token) {
    StringBuilder out = new StringBuilder("'");
    token
        .codePoints()
        .limit(40)
        .forEach(
            c -> {
              if (Character.isISOControl(c)) {
                out.append(String.format("\\u%04x", c));
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.append(token.codePointCount(0, token.length()) > 40 ? "...'" : "'").toString();
  }

  private static String shorten(String text) {
    return text.length() > 40 ? text.substring(0, 40) + "..." : text;
  }

  private static String firstLine(String text) {
    return shorten(text.lines().findFirst().orElse(""));
  }
}
