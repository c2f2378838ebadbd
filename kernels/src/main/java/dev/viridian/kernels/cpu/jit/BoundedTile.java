package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Some queries of one head, two keys or more, no mask; without looking for the largest score first.
 * No score of a query exceeds its length times that of the longest key, so a shift known beforehand
 * keeps all weights below e^{@value #HIGHEST}; the division by their sum takes it out again.
 * Weights come straight from the registers that hold the scores, and nothing is ever scaled down.
 *
 * <p>Where scores are those of {@link PairSums}, powers are those of 2, and a query is scaled to
 * about the length of the longest key, by a power of two that a factor of its row takes out again:
 * the error of a score stays one of that bound.
 *
 * <p>Where scores are {@link Scores#ROUNDED}, powers are those of 2 as well: queries are scaled by
 * log₂ e too, before they are rounded. The shift is a whole number there, so that it has no part in
 * how a weight is rounded.
 *
 * <p>Where a row's sum is so small that weights may have vanished that count, the row is computed
 * again by {@link OnlineTile}, from values that are not rounded. That needs scores more than a
 * hundred below their bound, all of a row; or a bound so high that scores would not be exact
 * enough. Which rows those are depends on each alone.
 */
final class BoundedTile {
  /** From this length of a key on, or if it is not a number, there is no bound. */
  private static final float LONGEST = 1e30f;

  /**
   * From this bound of its scores on a row goes the other way: their error is some 2⁻²⁴ of it, and
   * should stay a small one of a weight.
   */
  private static final float HIGHEST_BOUND = 1000;

  /** Lengths of the longest key between which its square and a query's are numbers. */
  private static final float LEAST_PAIRED = 1e-15f;

  private static final float LONGEST_PAIRED = 1e15f;

  /** Exponent that no weight exceeds: sums and their products with values have room above. */
  private static final int HIGHEST = 55;

  /** Below it a sum may lack weights that were too small for a number: those are e^−86 or less. */
  static final float LEAST_SUM = 0x1p-70f;

  /** Most that a query is scaled by, as a power of 2: its factor must leave absent keys hidden. */
  private static final int MOST = 60;

  /** More than a query and the longest key grow by when both are rounded to bfloat16. */
  private static final float ROUNDING = 1.01f;

  static final float LOG2_E = (float) (1 / Math.log(2));

  /** The same as {@link #HIGHEST_BOUND} for exponents of 2. */
  static final float HIGHEST_ROUNDED = HIGHEST_BOUND * LOG2_E;

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

  private final Scores scores;

  /** Scaled queries before they are rounded, one after the other. */
  private final NativeRows exact;

  BoundedTile(AttentionForward f, int head, int first, int count) {
    this.f = f;
    this.p = f.p;
    this.head = head;
    this.first = first;
    this.count = count;
    lanes = f.code.level.lanes();
    scores = f.scores;
    boolean rounded = scores == Scores.ROUNDED;
    int words = Math.ceilDiv(p.headDim(), 2);
    NativeRows[] groups =
        NativeRows.scratch(
            f.rows,
            rounded ? 4L * words : NativeRows.width(p.headDim()),
            NativeRows.width(rounded ? HeadPanels.BLOCK / 2 : HeadPanels.BLOCK),
            NativeRows.width(f.panels.vectors() * lanes),
            4L * lanes,
            WeightCode.ROW_NUMBERS,
            4,
            8, // LengthCode writes a few more than one
            rounded ? 8L * words : 0);
    queries = groups[0];
    weights = groups[1];
    values = groups[2];
    sums = groups[3];
    shifts = groups[4];
    factor = groups[5];
    squares = groups[6];
    exact = groups[7];
  }

  /**
   * Whether a head is computed like this whose longest key has a length.
   *
   * @param scores how they are summed
   */
  static boolean takes(Scores scores, float longest) {
    return scores == Scores.PAIRED
        ? longest > LEAST_PAIRED && longest < LONGEST_PAIRED
        : longest < LONGEST; // never if it is not a number
  }

  /**
   * Computes the rows; no key is longer than {@code longest}.
   *
   * @return which rows must be computed again in the usual way; null if none
   */
  boolean @Nullable [] run(float longest) {
    HeadPanels panels = f.panels;
    boolean[] again = new boolean[count];
    boolean none = begin(longest, again);
    for (int block = 0; !none && block < panels.blocks(); block++) {
      panels.weights(
          scores, queries, count, f.packed, f.keysAt(head), block, shifts, sums, weights);
      panels.addWeighted(weights, count, f.packed, f.valuesAt(head), block, values, block > 0);
    }
    boolean any = none || finish(again);
    Reference.reachabilityFence(queries.memory());
    return any ? again : null;
  }

  /** Copies the queries; marks rows that go the other way, and says whether all do. */
  private boolean begin(float longest, boolean[] again) {
    shifts.memory().asSlice(sums.at(), count * sums.step()).fill((byte) 0);
    NativeRows from = new NativeRows(f.q, 4 * f.at(p.q(), head, first), 4 * p.q().token());
    return switch (scores) {
      case PLAIN -> plain(from, longest, again);
      case PAIRED -> pairs(from, longest, again);
      case ROUNDED -> rounded(from, longest, again);
    };
  }

  private boolean plain(NativeRows from, float longest, boolean[] again) {
    MemorySegment memory = shifts.memory();
    memory.set(JAVA_FLOAT, factor.at(), p.scale());
    f.code.copy(from, queries, count, p.headDim(), factor.alike());
    f.code.squares(queries, count, p.headDim(), squares);
    for (int i = 0; i < count; i++) {
      float square = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float bound = AttentionForward.length(square) * longest;
      again[i] = !(bound < LONGEST);
      float shift = again[i] ? -LONGEST : -Math.max(0, bound - HIGHEST);
      memory.set(JAVA_FLOAT, shifts.at() + (long) WeightCode.ROW_NUMBERS * i, shift);
    }
    return false;
  }

  /** What no exponent of a row exceeds whose scaled query has a sum of squares. */
  static float roundedBound(float square, float longest) {
    return AttentionForward.length(square) * ROUNDING * longest;
  }

  /** The whole number that is subtracted from such exponents. */
  static int over(float bound) {
    return (int) Math.ceil(Math.max(0, bound - HIGHEST * LOG2_E));
  }

  private boolean rounded(NativeRows from, float longest, boolean[] again) {
    boolean all = true;
    MemorySegment memory = shifts.memory();
    memory.set(JAVA_FLOAT, factor.at(), p.scale() * LOG2_E);
    f.code.copy(from, exact, count, p.headDim(), factor.alike());
    f.code.squares(exact, count, p.headDim(), squares);
    for (int i = 0; i < count; i++) {
      float square = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float bound = roundedBound(square, longest);
      again[i] = !(bound < HIGHEST_ROUNDED);
      all &= again[i];
      long at = shifts.at() + (long) WeightCode.ROW_NUMBERS * i;
      memory.set(JAVA_FLOAT, at, again[i] ? -LONGEST : -over(bound));
    }
    long width = exact.step() / Float.BYTES;
    for (int i = 0; width > p.headDim() && i < count; i++) {
      memory.set(JAVA_FLOAT, exact.at() + i * exact.step() + 4L * p.headDim(), 0f);
    }
    f.code.round(memory, exact.at(), Math.toIntExact(count * width), memory, queries.at());
    return all;
  }

  private boolean pairs(NativeRows from, float longest, boolean[] again) {
    boolean all = true;
    int exponent = Math.getExponent(longest);
    MemorySegment memory = shifts.memory();
    f.code.squares(from, count, p.headDim(), squares);
    for (int i = 0; i < count; i++) {
      float square = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float length = AttentionForward.length(square) * Math.abs(p.scale());
      float bound = length * longest;
      again[i] = !(bound < HIGHEST_BOUND);
      all &= again[i];
      float shift = again[i] ? -LONGEST : -LOG2_E * Math.max(0, bound - HIGHEST);
      int power = Math.clamp(exponent - Math.getExponent(length), -MOST, MOST);
      long at = shifts.at() + (long) WeightCode.ROW_NUMBERS * i;
      memory.set(JAVA_FLOAT, at, shift);
      memory.set(JAVA_FLOAT, at + Float.BYTES, LOG2_E * power(-power));
      memory.set(JAVA_FLOAT, factor.at() + 4L * i, p.scale() * power(power));
    }
    f.code.copy(from, queries, count, p.headDim(), factor);
    takeOut();
    return all;
  }

  /** 2^{@code exponent}, a normal number. */
  private static float power(int exponent) {
    return Float.intBitsToFloat(exponent + Float.MAX_EXPONENT << 23);
  }

  /** Takes out of the rows' shifts what their own values add to their scores. */
  private void takeOut() {
    MemorySegment memory = shifts.memory();
    f.code.pairs(queries, count, p.headDim(), squares);
    for (int i = 0; i < count; i++) {
      long at = shifts.at() + (long) WeightCode.ROW_NUMBERS * i;
      float surplus = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float rowFactor = memory.get(JAVA_FLOAT, at + Float.BYTES);
      memory.set(JAVA_FLOAT, at, memory.get(JAVA_FLOAT, at) - surplus * rowFactor);
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
      for (int j = 0; j < lanes && (lse != null || !(sum >= LEAST_SUM)); j++) {
        sum += memory.get(JAVA_FLOAT, sums.at() + 4L * ((long) i * lanes + j));
      }
      again[i] |= !(sum >= LEAST_SUM);
      any |= again[i];
      if (lse != null) {
        long row = ((long) f.batch * p.heads() + head) * p.queries() + first + i;
        double shift = memory.get(JAVA_FLOAT, shifts.at() + (long) WeightCode.ROW_NUMBERS * i);
        Numbers.set(lse, row, (float) (Math.log(sum) - shift)); // never of pairs
      }
    }
    return any;
  }
}
