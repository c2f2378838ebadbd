package dev.viridian.matting.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.matting.data.procedural.ProceduralObject;
import dev.viridian.matting.data.procedural.ProceduralObjects;
import dev.viridian.matting.data.procedural.ProceduralOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code dataset procedural}: the folder that it writes, and what it refuses. */
class DatasetCommandTest {
  private static final int COUNT = 12;
  private static final int SIZE = 48;

  @TempDir private Path folder;

  /** The command with these flags in place of the usual ones, or beside them. */
  private List<String> command(Path output, String... more) {
    Map<String, String> usual = new TreeMap<>();
    usual.put("--count", "" + COUNT);
    usual.put("--size", "" + SIZE);
    usual.put("--seed", "4");
    usual.put("--output", output.toString());
    usual.keySet().removeAll(List.of(more));
    List<String> args = new ArrayList<>(List.of("dataset", "procedural"));
    usual.forEach((flag, value) -> args.addAll(List.of(flag, value)));
    args.addAll(List.of(more));
    return args;
  }

  private Run run(Path output, String... more) {
    return Run.of(command(output, more).toArray(String[]::new));
  }

  private static Map<String, byte[]> bytes(Path root) throws IOException {
    Map<String, byte[]> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        all.put(root.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    return all;
  }

  /** Pictures in the hidden folder that is being written. */
  private static int pictures(Path root) throws IOException {
    try (Stream<Path> made = Files.list(root)) {
      Path staging = made.findAny().orElse(root).resolve("images");
      String[] names = staging.toFile().list();
      return names == null ? 0 : names.length;
    }
  }

  private static void assertSameFiles(Path a, Path b) throws IOException {
    Map<String, byte[]> left = bytes(a);
    Map<String, byte[]> right = bytes(b);
    assertEquals(left.keySet(), right.keySet());
    left.forEach((name, content) -> assertArrayEquals(content, right.get(name), name));
  }

  private void assertNothingElse(String... names) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      assertEquals(List.of(names), list.map(p -> p.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void theFolderIsWhatTheApiDraws() throws IOException {
    Path out = folder.resolve("set");
    Run run = run(out, "--json");
    assertEquals(0, run.code(), run::toString);
    assertEquals(COUNT, JsonMapper.shared().readTree(run.out()).get("pictures").asInt());
    List<String> lines = Files.readAllLines(out.resolve("metadata.jsonl"));
    assertEquals(COUNT, lines.size());
    for (int i = 0; i < COUNT; i++) {
      ProceduralObject object = ProceduralObjects.sample(4, i, SIZE, ProceduralOptions.defaults());
      JsonNode line = JsonMapper.shared().readTree(lines.get(i));
      assertEquals(String.format("images/%05d.png", i), line.get("file_name").asString());
      assertEquals(String.format("alphas/%05d.png", i), line.get("alpha_file_name").asString());
      assertEquals(object.caption(), line.get("text").asString());
      assertEquals(object.noun(), line.get("noun").asString());
      assertEquals(object.colour(), line.get("colour").asString());
      assertEquals(object.material(), line.get("material").asString());
      assertEquals("viridian procedural", line.get("source").asString());
      assertEquals("CC0-1.0", line.get("licence").asString());
      assertFalse(line.has("background"));
      assertPictures(out, line, object);
    }
    assertNothingElse("set");
  }

  /** Both files against F a + B (1 − a). */
  private static void assertPictures(Path out, JsonNode line, ProceduralObject object)
      throws IOException {
    BufferedImage image = ImageIO.read(out.resolve(line.get("file_name").asString()).toFile());
    BufferedImage alpha =
        ImageIO.read(out.resolve(line.get("alpha_file_name").asString()).toFile());
    assertEquals(SIZE, image.getWidth());
    assertEquals(SIZE, image.getHeight());
    assertEquals(BufferedImage.TYPE_USHORT_GRAY, alpha.getType());
    float[] canvas = {0, 1, 0};
    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        int p = y * SIZE + x;
        double a = alpha.getRaster().getSample(x, y, 0) / 65535.0;
        assertEquals(object.alpha()[p], a, 0.51 / 65535);
        for (int c = 0; c < 3; c++) {
          double expected = object.foreground()[3 * p + c] * a + canvas[c] * (1 - a);
          assertEquals(255 * expected, image.getRaster().getSample(x, y, c), 0.51);
        }
      }
    }
  }

  @Test
  void threadsDoNotChangeTheFiles() throws IOException {
    assertEquals(0, run(folder.resolve("a"), "--threads", "1").code());
    assertEquals(0, run(folder.resolve("b"), "--threads", "5").code());
    assertSameFiles(folder.resolve("a"), folder.resolve("b"));
  }

  @Test
  void scenesAreToldInTheMetadata() throws IOException {
    Path out = folder.resolve("deep/inside/set");
    assertEquals(0, run(out, "--background", "scene", "--nouns", "apple, wine glass").code());
    for (String text : Files.readAllLines(out.resolve("metadata.jsonl"))) {
      JsonNode line = JsonMapper.shared().readTree(text);
      assertTrue(line.get("background").asString().length() > 2, text);
      assertTrue(List.of("apple", "wine glass").contains(line.get("noun").asString()), text);
      assertFalse(line.get("text").asString().contains("green"), text);
    }
  }

  private static List<String> kinds(Path set) throws IOException {
    List<String> kinds = new ArrayList<>();
    for (String text : Files.readAllLines(set.resolve("metadata.jsonl"))) {
      JsonNode line = JsonMapper.shared().readTree(text);
      kinds.add(
          String.join(
              " ",
              line.get("colour").asString(),
              line.get("material").asString(),
              line.get("noun").asString()));
    }
    return kinds;
  }

  @Test
  void whatIsHeldOutOfOneSetIsAllThatAnotherHas() throws IOException {
    String[] some = {
      "--nouns", "mug,ball,bowl", "--colours", "red,blue", "--materials", "matte,metal"
    };
    List<String> flags = new ArrayList<>(List.of(some));
    flags.addAll(List.of("--count", "60", "--size", "16", "--hold-out", "3"));
    Path out = folder.resolve("train");
    assertEquals(0, run(out, flags.toArray(String[]::new)).code());
    List<String> trained = kinds(out);
    flags.set(flags.indexOf("--hold-out"), "--held-out");
    Path test = folder.resolve("test");
    assertEquals(0, run(test, flags.toArray(String[]::new)).code());
    List<String> held = kinds(test);
    assertTrue(trained.stream().noneMatch(held::contains), () -> trained + " and " + held);
    for (String kind : trained) {
      assertTrue(kind.matches("(red|blue) (matte|metal) (mug|ball|bowl)"), kind);
    }
    assertEquals(12, Stream.of(trained, held).flatMap(List::stream).distinct().count());
  }

  @Test
  void withoutVarietyAThingIsSeenAlikeButForItsMirrorImage() throws IOException {
    Path out = folder.resolve("set");
    String[] flags = {"--nouns", "book", "--variety", "0", "--count", "6"};
    assertEquals(0, run(out, flags).code());
    for (int i = 0; i < 6; i++) {
      BufferedImage alpha = ImageIO.read(out.resolve(String.format("alphas/%05d.png", i)).toFile());
      int left = SIZE;
      int right = 0;
      int top = SIZE;
      int bottom = 0;
      for (int p = 0; p < SIZE * SIZE; p++) {
        if (alpha.getRaster().getSample(p % SIZE, p / SIZE, 0) > 32768) {
          left = Math.min(left, p % SIZE);
          right = Math.max(right, p % SIZE);
          top = Math.min(top, p / SIZE);
          bottom = Math.max(bottom, p / SIZE);
        }
      }
      assertEquals(SIZE - 1, left + right, 2, "in the middle");
      assertEquals(0.85 * SIZE, Math.max(right - left, bottom - top) + 1, 2, "of one size");
    }
  }

  @Test
  void aDataSetIsReplacedWhereThatIsWanted() throws IOException {
    Path out = folder.resolve("set");
    assertEquals(0, run(Files.createDirectory(out), "--count", "20").code());
    BadInput.refused(2, command(out), "set: holds files already; --overwrite replaces");
    assertEquals(41, bytes(out).size());
    assertEquals(0, run(out, "--overwrite").code());
    assertEquals(2 * COUNT + 1, bytes(out).size());
    assertNothingElse("set");
  }

  @Test
  void nothingElseIsEverReplaced() throws IOException {
    Path mine = Files.createDirectory(folder.resolve("mine"));
    Files.writeString(mine.resolve("thesis.txt"), "mine");
    BadInput.refused(2, command(mine), "mine: holds files already");
    BadInput.refused(2, command(mine, "--overwrite"), "is no data set (no metadata.jsonl)");
    Path file = Files.writeString(folder.resolve("file"), "mine");
    BadInput.refused(2, command(file, "--overwrite"), "file: is a file");
    BadInput.refused(2, command(file.resolve("set")), "cannot be written");
    if (Files.isDirectory(Path.of("/proc/self"))) {
      BadInput.refused(2, command(Path.of("/proc/viridian/set")), "/proc/viridian/set");
    }
    assertEquals("mine", Files.readString(mine.resolve("thesis.txt")));
    assertEquals("mine", Files.readString(file));
    assertNothingElse("file", "mine");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--count|0|a whole number from 1 to 1000000",
        "--count|many|a whole number from 1 to 1000000",
        "--size|15|a whole number from 16 to 2048",
        "--size|4096|a whole number from 16 to 2048",
        "--seed|-1|a whole number from 0 to 9223372036854775807",
        "--threads|0|a whole number from 1 to 1024",
        "--background|greeen|did you mean 'green'?",
        "--nouns|aple|did you mean 'apple'?",
        "--nouns|apple,,pear|expected one of apple, pear",
        "--colours|rd|did you mean 'red'?",
        "--materials|mate|did you mean 'matte'?",
        "--variety|1.5|a number from 0 to 1",
        "--hold-out|1|a whole number from 2 to 1000000",
        "--held-out|x|a whole number from 2 to 1000000",
      })
  void aWrongValueIsToldWithWhatIsAllowed(String flag, String value, String expected)
      throws IOException {
    BadInput.refused(2, command(folder.resolve("set"), flag, value), flag + " is ", expected);
    assertNothingElse();
  }

  @Test
  void aChoiceThatLeavesNothingIsRefused() throws IOException {
    String[] nothing = {"--nouns", "apple", "--materials", "metal", "--held-out", "1000000"};
    BadInput.refused(2, command(folder.resolve("set"), nothing), "leave nothing to draw");
    assertNothingElse();
  }

  @Test
  void whatIsMissingOrUnknown() {
    BadInput.refused(2, List.of("dataset"), "dataset needs a kind: procedural");
    BadInput.refused(2, List.of("dataset", "procedurl"), "did you mean 'procedural'?");
    BadInput.refused(2, List.of("dataset", "procedural", "--count", "1"), "--output");
    BadInput.refused(2, command(folder, "--cuont", "3"), "did you mean '--count'?");
  }

  /** A limit on the size of files is what a full disk is to the program: writing fails midway. */
  @Test
  void writingThatFailsMidwayLeavesNothing() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "no shell");
    Path out = Files.createDirectory(folder.resolve("out"));
    Run run = Child.run(folder, "ulimit -f 1", List.of(), command(out.resolve("set")));
    assertEquals(1, run.code(), run::toString);
    assertTrue(BadInput.isOneLine(run.err()), run::toString);
    assertTrue(run.err().contains("cannot be written: File too large"), run::toString);
    assertEquals(Map.of(), bytes(out));
    try (Stream<Path> left = Files.list(out)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void anInterruptedRunLeavesNothing() throws Exception {
    assumeTrue(!System.getProperty("os.name").startsWith("Windows"), "no signals");
    Path out = Files.createDirectory(folder.resolve("out"));
    List<String> args = command(out.resolve("set"), "--count", "1000000");
    try (Child child = Child.start(folder, "", List.of(), args)) {
      assertTrue(child.until(() -> pictures(out) > 20), "it ended before the interrupt");
      child.interrupt();
      Run run = child.await();
      assertEquals(130, run.code(), run::toString);
      assertTrue(run.err().endsWith("viridian: interrupted\n"), run::toString);
      assertTrue(run.err().lines().count() <= 2, run::toString); // how far it was, perhaps
    }
    try (Stream<Path> left = Files.list(out)) {
      assertEquals(List.of(), left.toList());
    }
  }
}
