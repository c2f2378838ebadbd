package dev.viridian.kernels.cpu.jit;

import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.BLOCK;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.COLUMNS;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.KEYS;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.KEY_STEP;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.LEAST;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.ROWS;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.ROW_NUMBERS;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.SCRATCH;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.STEP;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.VALUE_PANEL;
import static dev.viridian.kernels.cpu.jit.AmxAttentionCode.numbers;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Tries {@link AmxAttentionCode} against plain loops. */
final class AmxAttentionTrial {
  /** What tiles lose with each product: results below the least normal number are 0 to them. */
  private static final double FLUSHED = Float.MIN_NORMAL;

  /** What the trial's values are multiplied with. */
  private static final float LARGE = 0x1p24f;

  private AmxAttentionTrial() {}

  /** In the trial: which exponent a row has, each in every group of rows that are done together. */
  private static int over(int row) {
    return row * 5 % 12;
  }

  /**
   * A block and one panel more, two groups; exponents from the least, or below, to 20. Some rows.
   */
  static @Nullable String fault(AmxAttentionCode code, Code page) {
    int steps = code.steps();
    boolean clamps = code.clamps();
    int panels = BLOCK + 1;
    int groups = 2;
    int values = STEP * steps;
    long queryRow = 2L * values + 64;
    long sumsRow = 4L * COLUMNS * groups + 64;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment q = arena.allocate(ROWS * queryRow, 64);
      MemorySegment k = arena.allocate((long) KEY_STEP * steps * panels, 64);
      MemorySegment v = arena.allocate((long) VALUE_PANEL * groups * panels, 64);
      MemorySegment numbers = arena.allocate((long) ROW_NUMBERS * ROWS, 64);
      MemorySegment sums = arena.allocate(ROWS * sumsRow, 64);
      MemorySegment scratch = arena.allocate(SCRATCH, 64);
      float[] left = Trial.words(q, 37);
      float[] right = Trial.words(k, 53);
      float[] down = Trial.words(v, 29);
      for (int i = 0; i < down.length; i++) { // so that the least weight's products are normal
        down[i] *= LARGE;
        v.setAtIndex(JAVA_SHORT, i, Numbers.floatToBf16(down[i]));
      }
      int shift = clamps ? 13 : 6;
      for (int i = 0; i < ROWS; i++) {
        numbers(numbers, (long) ROW_NUMBERS * i, shift * over(i));
        sums.set(JAVA_FLOAT, i * sumsRow, i == 0 ? 5 : 0); // what is there stays
      }
      code.run(
          page,
          new Frame(),
          q.address(),
          queryRow,
          numbers.address(),
          k.address(),
          panels,
          v.address(),
          (long) VALUE_PANEL * panels,
          groups,
          sums.address(),
          sumsRow,
          scratch.address());
      for (int i = 0; i < ROWS; i += 3) {
        double[] expected = new double[COLUMNS * groups];
        double[] most = new double[COLUMNS * groups];
        expected[0] = i == 0 ? 5 : 0;
        for (int j = 0; j < KEYS * panels; j++) {
          int key = (j / KEYS * KEY_STEP * steps + 4 * (j % KEYS)) / 4;
          double x =
              Trial.dotWords(left, (int) (i * queryRow / 4), right, key, KEYS, values / 2)
                  - shift * over(i);
          double weight = Math.pow(2, Math.max(x, LEAST));
          for (int c = 0; c < expected.length; c++) {
            long word =
                (long) (c / COLUMNS * panels + j / KEYS) * VALUE_PANEL / 4
                    + (long) (j % KEYS / 2) * COLUMNS
                    + c % COLUMNS;
            double product = weight * down[(int) (2 * word + j % 2)];
            expected[c] += product;
            most[c] += Math.abs(product);
          }
        }
        for (int c = 0; c < expected.length; c++) {
          double actual = sums.get(JAVA_FLOAT, i * sumsRow + 4L * c);
          if (!(Math.abs(actual - expected[c]) <= 0x1.02p-8 * most[c] + FLUSHED * KEYS * panels)) {
            return "row " + i + ", column " + c + ": " + actual + ", expected " + expected[c];
          }
        }
      }
      return null;
    }
  }
}
