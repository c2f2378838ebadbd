package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Packs a weight that lies turned, [channels, out] F32, as bfloat16: each word of a panel is made
 * of two values that lie one above the other, so whole rows go from load to store.
 */
public final class TurnedPanels {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final int LANES = FLOATS.length();
  private static final int PANEL = PackedWeight.PANEL;

  /** Pairs of rows that a task packs. */
  private static final int ROWS = 128;

  private final Workers workers;

  /** Packing that shares the given threads. */
  public TurnedPanels(Workers workers) {
    this.workers = workers;
  }

  /**
   * Packs.
   *
   * @param w with one tap, BF16
   */
  public void pack(PackedWeight w, MemorySegment from, MemorySegment to) {
    int pairs = w.depth() / 2;
    int parts = Math.ceilDiv(pairs, ROWS);
    workers.run(
        Math.multiplyExact(w.panels(), parts),
        task -> {
          int panel = task / parts;
          int first = task % parts * ROWS;
          int last = Math.min(pairs, first + ROWS);
          for (int pair = first; pair < last; pair++) {
            row(w, panel, pair, from, to);
          }
        });
  }

  private static void row(
      PackedWeight w, int panel, int pair, MemorySegment from, MemorySegment to) {
    int column = panel * PANEL;
    int columns = Math.min(PANEL, w.out() - column);
    boolean both = 2 * pair + 1 < w.channels();
    long upper = 4 * (2L * pair * w.out() + column);
    long lower = upper + 4L * w.out();
    long target = panel * w.panelBytes() + 4L * PANEL * pair;
    int whole = both ? columns - columns % LANES : 0;
    for (int i = 0; i < whole; i += LANES) {
      IntVector first = Bf16Rounding.bits(load(from, upper + 4L * i));
      IntVector second = Bf16Rounding.bits(load(from, lower + 4L * i));
      first
          .lanewise(VectorOperators.LSHR, 16)
          .or(second)
          .intoMemorySegment(to, target + 4L * i, ByteOrder.LITTLE_ENDIAN);
    }
    for (int i = whole; i < PANEL; i++) {
      int first = i < columns ? half(from, upper + 4L * i) : 0;
      int second = i < columns && both ? half(from, lower + 4L * i) : 0;
      to.set(INT, target + 4L * i, first | second << 16);
    }
  }

  private static FloatVector load(MemorySegment from, long at) {
    return FloatVector.fromMemorySegment(FLOATS, from, at, ByteOrder.nativeOrder());
  }

  private static int half(MemorySegment from, long at) {
    return Numbers.floatToBf16(from.get(Numbers.FLOAT, at)) & 0xffff;
  }
}
