package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.FormulaWeights;
import dev.viridian.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights that are computed when asked for. */
class FormulaSourceTest {
  private static final int ROWS = 300;
  private static final int COLUMNS = 257; // more than the blocks in which numbers are drawn

  private static FormulaSource source(DType dtype) {
    return new FormulaSource(
        Map.of("a.weight", List.of((long) ROWS, (long) COLUMNS), "position_ids", List.of(1L, 7L)),
        "net.",
        dtype);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void anyPartIsThatPartOfTheWhole(DType dtype) {
    try (FormulaSource source = source(dtype)) {
      MemorySegment whole = source.data("a.weight");
      int size = dtype.bytes();
      assertEquals((long) ROWS * COLUMNS * size, whole.byteSize());
      for (int first : new int[] {0, 1, 4095, 16384, 50_001}) {
        for (int count : new int[] {1, 5, 4097, 20_000}) {
          MemorySegment part = MemorySegment.ofArray(new byte[count * size]);
          source.read("a.weight", (long) first * size, part);
          long at = (long) first * size;
          assertEquals(-1, whole.asSlice(at, part.byteSize()).mismatch(part));
        }
      }
    }
  }

  @Test
  void floatsAreTheFormulas() {
    try (FormulaSource source = source(DType.F32)) {
      float[] r = FormulaWeights.uniform("net.a.weight", 3);
      float scale = (float) Math.sqrt(3.0 / COLUMNS);
      for (int i = 0; i < r.length; i++) {
        assertEquals(scale * r[i], source.data("a.weight").getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
      assertEquals(FileType.I64, source.info("position_ids").type());
      assertEquals(6, source.data("position_ids").getAtIndex(ValueLayout.JAVA_LONG, 6));
    }
  }

  @Test
  void refusesRangesOutside() {
    try (FormulaSource source = source(DType.F16)) {
      long bytes = source.info("a.weight").bytes();
      MemorySegment two = MemorySegment.ofArray(new byte[2]);
      assertThrows(IndexOutOfBoundsException.class, () -> source.read("a.weight", bytes, two));
      assertThrows(IllegalArgumentException.class, () -> source.read("a.weight", 1, two));
    }
    assertThrows(IllegalArgumentException.class, () -> source(DType.I64));
  }
}
