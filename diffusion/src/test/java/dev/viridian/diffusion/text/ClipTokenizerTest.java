package dev.viridian.diffusion.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.engine.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** A tokenizer of 512 byte symbols, a few merges and the two special tokens. */
class ClipTokenizerTest {
  private static final List<String> MERGES = List.of("g r", "e e", "gr ee", "gree n</w>", "a a");

  @TempDir Path folder;
  private final Map<String, Object> vocabulary = new LinkedHashMap<>();
  private String merges = "#version: 0.2\n" + String.join("\n", MERGES) + "\n";

  @BeforeEach
  void smallVocabulary() {
    int unused = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      String symbol = Character.toString(prints ? b : unused++);
      vocabulary.put(symbol, b);
      vocabulary.put(symbol + "</w>", 256 + b);
    }
    MERGES.forEach(m -> vocabulary.put(m.replace(" ", ""), vocabulary.size()));
    vocabulary.put("<|startoftext|>", vocabulary.size());
    vocabulary.put("<|endoftext|>", vocabulary.size());
  }

  private ClipTokenizer load() {
    try {
      Files.writeString(
          folder.resolve("vocab.json"), JsonMapper.shared().writeValueAsString(vocabulary));
      Files.writeString(folder.resolve("merges.txt"), merges);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return ClipTokenizer.load(folder);
  }

  private int id(String token) {
    return (int) vocabulary.get(token);
  }

  @Test
  void aPromptHasAsManyIdsAsThereArePositions() {
    ClipTokenizer tokenizer = load().withLength(5);
    assertEquals(5, tokenizer.length());
    int start = tokenizer.startId();
    int end = tokenizer.endId();
    int x = id("x</w>");
    assertArrayEquals(new int[] {start, x, end, end, end}, tokenizer.encode("x").ids());
    TokenizedPrompt cut = tokenizer.encode("x x x green");
    assertArrayEquals(new int[] {start, x, x, x, end}, cut.ids());
    assertTrue(cut.truncated());
    assertEquals(0, cut.greenPositions().length);
    assertFalse(tokenizer.encode("x x green").truncated());
    assertEquals(6, tokenizer.withPlaceholders(List.of("qq")).withLength(6).length());
    assertThrows(InputException.class, () -> tokenizer.withLength(1));
  }

  @Test
  void mergesLowestRankFirstAndLeftmostFirst() {
    ClipTokenizer tokenizer = load();
    assertArrayEquals(new int[] {id("green</w>")}, tokenizer.tokens(" Green "));
    assertArrayEquals(new int[] {id("aa"), id("aa"), id("a</w>")}, tokenizer.tokens("aaaaa"));
    TokenizedPrompt prompt = tokenizer.encode("green x green");
    assertArrayEquals(new int[] {1, 3}, prompt.greenPositions());
    assertEquals(5, prompt.length());
    assertFalse(prompt.truncated());
  }

  @Test
  void withoutGreenInTheVocabularyThereAreNoPositions() {
    vocabulary.remove("green</w>");
    merges = "g r\n";
    assertEquals(0, load().encode("green").greenPositions().length);
    assertTrue(load().greenId().isEmpty());
  }

  @Test
  void unpairedSurrogatesAreReplacementCharacters() {
    ClipTokenizer tokenizer = load();
    int[] replacement = tokenizer.tokens("\ufffd");
    assertEquals(3, replacement.length);
    assertArrayEquals(replacement, tokenizer.tokens("\ud800"));
    assertArrayEquals(replacement, tokenizer.tokens("\udc00"));
    assertArrayEquals(tokenizer.tokens("a\ufffd\ufffdb"), tokenizer.tokens("a\udc00\ud800b"));
    assertEquals(4, tokenizer.tokens("\ud83d\ude00").length);
  }

  @Test
  void placeholdersAreFoundInsideWordsAndTheLongestWins() {
    int first = load().nextId();
    ClipTokenizer tokenizer = load().withPlaceholders(List.of("<Cat>", "<cat>_1"));
    assertEquals(first + 2, tokenizer.nextId());
    assertArrayEquals(
        new int[] {id("a</w>"), first, id("b</w>"), first + 1},
        tokenizer.tokens("A<CAT>b <cat>_1"));
    assertThrows(InputException.class, () -> tokenizer.withPlaceholders(List.of("<cat>")));
    assertThrows(InputException.class, () -> tokenizer.withPlaceholders(List.of("green</w>")));
    assertThrows(InputException.class, () -> tokenizer.withPlaceholders(List.of(" ")));
  }

  private void refused(Path file, String... said) {
    InputException e = assertThrows(InputException.class, () -> ClipTokenizer.load(folder));
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    for (String part : said) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  @Test
  void badVocabulariesAreRefusedByName() throws IOException {
    Path file = folder.resolve("vocab.json");
    refused(file, "not found");
    load();
    for (String text :
        new String[] {"", "[]", "{}", "null", "{\"a\":", "{\"a\": 1} x\n{", "[".repeat(9999)}) {
      Files.writeString(file, text);
      refused(file);
    }
    for (Object wrong : new Object[] {"5", 1.5, -1, 1L << 40, 1 << 24, List.of()}) {
      vocabulary.put("zz", wrong);
      Files.writeString(file, JsonMapper.shared().writeValueAsString(vocabulary));
      refused(file, "'zz'");
    }
    vocabulary.put("zz", 7);
    Files.writeString(file, JsonMapper.shared().writeValueAsString(vocabulary));
    refused(file, "id 7", "twice");
    vocabulary.remove("zz");
    vocabulary.remove("<|endoftext|>");
    Files.writeString(file, JsonMapper.shared().writeValueAsString(vocabulary));
    refused(file, "<|endoftext|>");
    Files.write(file, new byte[] {'{', (byte) 0xff, '}'});
    refused(file, "UTF-8");
    Files.delete(file);
    Files.createDirectory(file);
    refused(file, "folder");
  }

  @Test
  void badMergesAreRefusedByNameAndLine() throws IOException {
    load();
    Path file = folder.resolve("merges.txt");
    for (String line : new String[] {"a", "a b c", " a", "a ", "a  b"}) {
      Files.writeString(file, "#version: 0.2\na a\n" + line + "\n", StandardCharsets.UTF_8);
      refused(file, "line 3", "two tokens");
    }
    Files.writeString(file, "a a\na q\n");
    refused(file, "line 2", "'aq'");
    Files.writeString(file, "#version: 0.2\n");
    refused(file, "no merges");
    Files.delete(file);
    refused(file, "not found");
  }
}
