package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Some queries of one head, two keys or more, no mask; without looking for the largest score first.
 * No score of a query exceeds its length times that of the longest key, so a shift known beforehand
 * keeps all weights below e^{@value #HIGHEST}; the division by their sum takes it out again.
 * Weights come straight from the registers that hold the scores, and nothing is ever scaled down.
 *
 * <p>Where a row's sum is so small that weights may have vanished that count, the row is computed
 * again by {@link OnlineTile}. That needs scores more than a hundred below their bound, all of a
 * row. Which rows those are depends on each alone.
 */
final class BoundedTile {
  /** From this length of a key on, or if it is not a number, there is no bound. */
  static final float LONGEST = 1e30f;

  /** Exponent that no weight exceeds: sums and their products with values have room above. */
  private static final int HIGHEST = 55;

  /** Below it a sum may lack weights that were too small for a number: those are e^−86 or less. */
  private static final float LEAST_SUM = 0x1p-70f;

  private final AttentionForward f;
  private final AttentionProblem p;
  private final int head;
  private final int first;
  private final int count;
  private final int lanes;
  private final NativeRows queries;
  private final NativeRows weights;
  private final NativeRows values;
  private final NativeRows sums;
  private final NativeRows shifts;
  private final NativeRows factor;
  private final NativeRows squares;

  BoundedTile(AttentionForward f, int head, int first, int count) {
    this.f = f;
    this.p = f.p;
    this.head = head;
    this.first = first;
    this.count = count;
    lanes = f.code.level.lanes();
    NativeRows[] groups =
        NativeRows.scratch(
            AttentionForward.ROWS,
            NativeRows.width(p.headDim()),
            NativeRows.width(HeadPanels.BLOCK),
            NativeRows.width(f.panels.vectors() * lanes),
            4L * lanes,
            4,
            4,
            8); // LengthCode writes a few more than one
    queries = groups[0];
    weights = groups[1];
    values = groups[2];
    sums = groups[3];
    shifts = groups[4];
    factor = groups[5];
    squares = groups[6];
  }

  /** Computes the rows; no key is longer than {@code longest}. */
  void run(float longest) {
    HeadPanels panels = f.panels;
    boolean[] again = new boolean[count];
    begin(longest, again);
    for (int block = 0; block < panels.blocks(); block++) {
      panels.weights(queries, count, f.packed, f.keysAt(head), block, shifts, sums, weights);
      panels.addWeighted(weights, count, f.packed, f.valuesAt(head), block, values, block > 0);
    }
    boolean any = finish(again);
    Reference.reachabilityFence(queries.memory());
    if (any) {
      new OnlineTile(f, head, first, count).run(again);
    }
  }

  private void begin(float longest, boolean[] again) {
    MemorySegment memory = shifts.memory();
    memory.set(JAVA_FLOAT, factor.at(), p.scale());
    NativeRows from = new NativeRows(f.q, 4 * f.at(p.q(), head, first), 4 * p.q().token());
    f.code.copy(from, queries, count, p.headDim(), factor);
    memory.asSlice(sums.at(), count * sums.step()).fill((byte) 0);
    f.code.squares(queries, count, p.headDim(), squares);
    for (int i = 0; i < count; i++) {
      float square = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float bound = AttentionForward.length(square) * longest;
      again[i] = !(bound < LONGEST);
      float shift = again[i] ? -LONGEST : -Math.max(0, bound - HIGHEST);
      memory.set(JAVA_FLOAT, shifts.at() + 4L * i, shift);
    }
  }

  /** Writes the results; marks rows that must be computed again, and says whether there are any. */
  private boolean finish(boolean[] again) {
    NativeRows to = new NativeRows(f.out, 4 * f.at(p.out(), head, first), 4 * p.out().token());
    f.code.divide(values, to, count, p.headDim(), sums);
    boolean any = false;
    MemorySegment memory = shifts.memory();
    MemorySegment lse = f.lse;
    for (int i = 0; i < count; i++) {
      double sum = 0;
      for (int j = 0; j < lanes; j++) {
        sum += memory.get(JAVA_FLOAT, sums.at() + 4L * ((long) i * lanes + j));
      }
      again[i] |= !(sum >= LEAST_SUM);
      any |= again[i];
      if (lse != null) {
        double shift = memory.get(JAVA_FLOAT, shifts.at() + 4L * i);
        long row = ((long) f.batch * p.heads() + head) * p.queries() + first + i;
        Numbers.set(lse, row, (float) (Math.log(sum) - shift));
      }
    }
    return any;
  }
}
