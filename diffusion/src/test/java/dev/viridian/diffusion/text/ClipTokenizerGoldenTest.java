package dev.viridian.diffusion.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

@GoldenArea("tokenizer")
class ClipTokenizerGoldenTest {
  private static final String AREA = "tokenizer";

  @TestFactory
  Stream<DynamicTest> cases() {
    JsonNode doc = Golden.json(AREA, "cases.json");
    ClipTokenizer tokenizer = ClipTokenizer.load(Golden.area(AREA));
    return doc.path("cases")
        .valueStream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.path("kind").asString() + ": " + c.path("text"),
                    () -> {
                      TokenizedPrompt prompt = tokenizer.encode(c.path("text").asString());
                      assertArrayEquals(ints(c.path("ids")), prompt.ids());
                      assertArrayEquals(ints(c.path("green")), prompt.greenPositions());
                      assertEquals(c.path("length").asInt(), prompt.length());
                      int untruncated = c.path("length_untruncated").asInt();
                      assertEquals(untruncated, prompt.lengthUntruncated());
                      assertEquals(untruncated > TokenizedPrompt.LENGTH, prompt.truncated());
                    }));
  }

  /** The tokenizer in the jar is the one of the goldens. */
  @Test
  void standardTokenizer(@TempDir Path folder) throws IOException {
    ClipVocabulary.write(folder);
    ClipTokenizer standard = ClipTokenizer.standard();
    assertEquals(ClipVocabulary.SIZE, standard.nextId());
    for (JsonNode c : Golden.json(AREA, "cases.json").path("cases")) {
      String text = c.path("text").asString();
      assertArrayEquals(ints(c.path("ids")), standard.encode(text).ids(), text);
    }
    for (String name : new String[] {"vocab.json", "merges.txt"}) {
      assertEquals(-1, Files.mismatch(Golden.file(AREA, name), folder.resolve(name)), name);
    }
  }

  @Test
  void idsOfSpecialTokens() {
    JsonNode doc = Golden.json(AREA, "cases.json");
    ClipTokenizer tokenizer = ClipTokenizer.load(Golden.area(AREA));
    assertEquals(doc.path("bos").asInt(), tokenizer.startId());
    assertEquals(doc.path("eos").asInt(), tokenizer.endId());
    assertEquals(doc.path("pad").asInt(), tokenizer.endId());
    assertEquals(doc.path("green_id").asInt(), tokenizer.greenId().orElseThrow());
    assertEquals(doc.path("vocab_size").asInt(), tokenizer.nextId());
  }

  private static int[] ints(JsonNode array) {
    return array.valueStream().mapToInt(JsonNode::asInt).toArray();
  }

  /** One word, many words, what merges worst; {@link BytePairsTest} counts what it costs. */
  @Test
  void hundredThousandCharactersAreCut() {
    ClipTokenizer tokenizer = ClipTokenizer.load(Golden.area(AREA));
    for (String unit :
        new String[] {"a", "!", "ab", "green screen ", "1", "\ud83d\ude00", "\ud800"}) {
      TokenizedPrompt tokens = tokenizer.encode(unit.repeat(100_000 / unit.length()));
      assertTrue(tokens.truncated(), unit);
    }
  }
}
