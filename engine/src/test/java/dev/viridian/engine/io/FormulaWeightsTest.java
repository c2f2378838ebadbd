package dev.viridian.engine.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.engine.testing.Golden;
import dev.viridian.engine.testing.GoldenArea;
import dev.viridian.engine.testing.GoldenFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class FormulaWeightsTest {
  @Test
  void hashAndDrawAreThoseOfTheGoldens() {
    assertEquals(0x1ce69906bdc574a7L, FormulaWeights.fnv1a64("conv_in.weight"));
    assertArrayEquals(
        new float[] {0.14250004f, 0.7665291f, -0.819942f, -0.3953755f},
        FormulaWeights.uniform("conv_in.weight", 4));
  }

  @Test
  void countersAreZeroAndPositionsCount() {
    MemorySegment dest = MemorySegment.ofArray(new long[] {7, 7, 7});
    FormulaWeights.fill("bn.num_batches_tracked", new long[] {3}, "", 1, dest);
    assertArrayEquals(new long[3], dest.toArray(ValueLayout.JAVA_LONG));
    FormulaWeights.fill("e.position_ids", new long[] {1, 3}, "", 1, dest);
    assertArrayEquals(new long[] {0, 1, 2}, dest.toArray(ValueLayout.JAVA_LONG));
  }

  @Test
  void blocksJoinWithoutASeam() {
    float[] all = FormulaWeights.uniform("p.k", 10_000);
    float[] filled = new float[10_000];
    FormulaWeights.fill("k", new long[] {10_000}, "p.", 1, MemorySegment.ofArray(filled));
    for (int i = 0; i < all.length; i++) {
      assertEquals(0.05f * all[i] + 0f, filled[i]);
    }
  }

  @Test
  void refusesADestinationOfAnotherSize() {
    MemorySegment dest = MemorySegment.ofArray(new float[5]);
    assertThrows(
        IllegalArgumentException.class,
        () -> FormulaWeights.fill("w", new long[] {2, 2}, "", 1, dest));
  }

  /** The subset of a real model that the pickle goldens carry covers every rule but embeddings. */
  @Test
  @GoldenArea("pickle")
  void agreesWithTheReferenceOnEveryTensorOfASubset() {
    JsonNode cases = Golden.json("pickle", "cases.json");
    assertEquals("pickle", cases.get("area").asString());
    try (GoldenFile file = GoldenFile.open("pickle", "bgmv2_subset_expected.safetensors")) {
      for (String key : file.keys()) {
        TensorInfo info = new TensorInfo(key, file.type(key), boxed(file.shape(key)));
        assertEquals(FormulaWeights.type(key), info.type(), key);
        MemorySegment mine = MemorySegment.ofArray(new byte[(int) info.bytes()]);
        FormulaWeights.fill(key, file.shape(key), "bgmv2.", 1.2, mine);
        assertEquals(-1, mine.mismatch(file.data(key)), key);
      }
    }
  }

  private static List<Long> boxed(long[] shape) {
    return Arrays.stream(shape).boxed().toList();
  }
}
