package dev.viridian.engine.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenFile;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;

@GoldenArea("random")
class TorchRandomGoldenTest {
  private static final String AREA = "random";

  @TestFactory
  Stream<DynamicTest> cases() {
    JsonNode doc = Golden.json(AREA, "cases.json");
    GoldenFile file = GoldenFile.open(AREA, doc.path("file").asString());
    return doc.path("cases")
        .valueStream()
        .map(c -> DynamicTest.dynamicTest(c.path("name").asString(), () -> run(c, file)))
        .onClose(file::close);
  }

  @Test
  void seedHandling() {
    JsonNode seeds = Golden.json(AREA, "cases.json").path("seed_handling");
    seeds.forEachEntry(
        (text, expected) -> {
          if (expected.has("error")) {
            assertThrows(InputException.class, () -> TorchRandom.parseSeed(text), text);
            return;
          }
          TorchRandom random = new TorchRandom(TorchRandom.parseSeed(text));
          assertEquals(
              expected.path("initial_seed").asString(),
              Long.toUnsignedString(random.initialSeed()));
          TorchRandom plain = new TorchRandom(expected.path("engine_seed").asLong());
          assertArrayEquals(plain.rand(4), random.rand(4), text);
        });
  }

  private static void run(JsonNode c, GoldenFile file) {
    if (c.path("kind").asString("").equals("raw")) {
      TorchRandom random = new TorchRandom(c.path("seed").asLong());
      long[] expected = file.longs(c.path("name").asString());
      assertEquals(c.path("n").asInt(), expected.length);
      assertArrayEquals(
          expected,
          IntStream.range(0, expected.length)
              .mapToLong(i -> Integer.toUnsignedLong(random.nextInt()))
              .toArray());
      return;
    }
    if (!c.path("seed").isArray()) {
      calls(new TorchRandom(seed(c.path("seed"))), c.path("calls").valueStream(), file);
      return;
    }
    // one generator a seed; the calls are listed generator by generator
    int each = c.path("calls").size() / c.path("seed").size();
    for (int i = 0; i < c.path("seed").size(); i++) {
      TorchRandom random = new TorchRandom(seed(c.path("seed").get(i)));
      calls(random, c.path("calls").valueStream().skip((long) i * each).limit(each), file);
    }
  }

  private static long seed(JsonNode node) {
    return TorchRandom.parseSeed(node.asString());
  }

  private static void calls(TorchRandom random, Stream<JsonNode> calls, GoldenFile file) {
    calls.forEach(call -> check(call, draw(random, call), file));
  }

  private static double[] draw(TorchRandom random, JsonNode call) {
    int n = call.path("n").asInt();
    String type = call.path("dtype").asString("float32");
    return switch (call.path("kind").asString() + " " + type) {
      case "randn float32" -> widen(random.randn(n));
      case "randn float64" -> random.randnDouble(n);
      case "randn float16" -> widen(random.randnHalf(n));
      case "rand float32" -> widen(random.rand(n));
      case "rand float64" -> random.randDouble(n);
      case "randint float32" ->
          widen(random.randint(call.path("low").asLong(), call.path("high").asLong(), n));
      case "randperm float32" -> widen(random.randperm(n));
      case "uniform float32" -> {
        float[] dst = new float[n];
        random.uniform(
            dst, (float) call.path("from").asDouble(), (float) call.path("to").asDouble());
        yield widen(dst);
      }
      case "normal float32" -> {
        float[] dst = new float[n];
        random.normal(dst, call.path("mean").asDouble(), call.path("std").asDouble());
        yield widen(dst);
      }
      default -> throw new AssertionError("the case has a draw that the test lacks: " + call);
    };
  }

  private static void check(JsonNode call, double[] drawn, GoldenFile file) {
    String key = call.path("key").asString();
    double atol = call.path("atol").asDouble();
    double[] stored = drawn;
    if (!call.path("stored").asString().equals("all")) {
      double[] last = Arrays.copyOfRange(drawn, drawn.length - 64, drawn.length);
      stored = DoubleStream.concat(Arrays.stream(drawn).limit(64), Arrays.stream(last)).toArray();
      assertEquals(
          call.path("sum").asDouble(),
          Arrays.stream(drawn).sum(),
          call.path("sum_atol").asDouble(),
          "sum");
      assertEquals(
          call.path("sum_of_squares").asDouble(),
          Arrays.stream(drawn).map(x -> x * x).sum(),
          call.path("sum_of_squares_atol").asDouble(),
          "sum of squares");
    }
    double[] expected = file.type(key) == FileType.I64 ? widen(file.longs(key)) : file.doubles(key);
    assertEquals(expected.length, stored.length, key);
    for (int i = 0; i < expected.length; i++) {
      int at = i;
      assertEquals(expected[i], stored[i], atol, () -> key + "[" + at + "]");
    }
  }

  private static double[] widen(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }

  private static double[] widen(long[] values) {
    return Arrays.stream(values).asDoubleStream().toArray();
  }
}
