package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionProblem;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Some queries of one head on tiles (AMX): the same bound, shift and choice of rows that are
 * computed again as {@link BoundedTile}.
 */
final class AmxTile {
  /** Panels of keys and values that stay in the second cache while all rows are multiplied. */
  private static final int CHUNK = 8 * AmxAttentionCode.BLOCK;

  private final AmxAttention f;
  private final AttentionProblem p;
  private final AmxPanels panels;

  /** By block of rows, whether exponents may be below {@link AmxAttentionCode#LEAST}. */
  private final boolean[] clamps;

  private final int head;
  private final int first;
  private final int count;
  private final NativeRows exact;
  private final NativeRows queries;
  private final NativeRows sums;
  private final NativeRows totals;
  private final NativeRows numbers;
  private final NativeRows factor;
  private final NativeRows squares;

  AmxTile(AmxAttention f, int head, int first, int count) {
    this.f = f;
    this.p = f.p;
    this.panels = f.panels;
    this.head = head;
    this.first = first;
    this.count = count;
    clamps = new boolean[f.rows / AmxAttentionCode.ROWS];
    int width = AmxPanels.steps(p.headDim()) * AmxAttentionCode.STEP;
    NativeRows[] groups =
        NativeRows.scratch(
            f.rows,
            4L * width,
            2L * width,
            NativeRows.width(panels.groups() * AmxAttentionCode.COLUMNS),
            4L * f.code.level.lanes(),
            AmxAttentionCode.ROW_NUMBERS,
            4,
            8); // LengthCode writes a few more than one
    exact = groups[0];
    queries = groups[1];
    sums = groups[2];
    totals = groups[3];
    numbers = groups[4];
    factor = groups[5];
    squares = groups[6];
  }

  /**
   * Computes the rows; no key is longer than {@code longest}.
   *
   * @return which rows must be computed again in the usual way; null if none
   */
  boolean @Nullable [] run(float longest) {
    boolean[] again = new boolean[count];
    boolean all = begin(longest, again);
    if (!all) {
      multiply();
    }
    boolean any = all || finish(again);
    Reference.reachabilityFence(sums.memory());
    return any ? again : null;
  }

  /** Copies the queries; marks rows that go the other way, and says whether all do. */
  private boolean begin(float longest, boolean[] again) {
    MemorySegment memory = exact.memory();
    NativeRows from = new NativeRows(f.q, 4 * f.at(p.q(), head, first), 4 * p.q().token());
    memory.set(JAVA_FLOAT, factor.at(), p.scale() * BoundedTile.LOG2_E);
    clear(exact, 0, count); // for what lies behind each row's values
    f.code.copy(from, exact, count, p.headDim(), factor.alike());
    f.code.squares(exact, count, p.headDim(), squares);
    boolean all = true;
    for (int i = 0; i < count; i++) {
      float square = memory.get(JAVA_FLOAT, squares.at() + 4L * i);
      float bound = BoundedTile.roundedBound(square, longest);
      again[i] = !(bound < BoundedTile.HIGHEST_ROUNDED);
      all &= again[i];
      int over = again[i] ? 0 : BoundedTile.over(bound);
      clamps[i / AmxAttentionCode.ROWS] |= !again[i] && bound + over + 1 > -AmxAttentionCode.LEAST;
      AmxAttentionCode.numbers(memory, numbers.at() + i * numbers.step(), over);
    }
    for (int i = count; i < f.rows; i++) { // rows that nobody reads are computed too
      AmxAttentionCode.numbers(memory, numbers.at() + i * numbers.step(), 0);
    }
    int values = Math.toIntExact(count * queries.step() / 2);
    f.code.round(memory, exact.at(), values, memory, queries.at());
    clear(queries, count, f.rows);
    clear(sums, 0, f.rows);
    return all;
  }

  private static void clear(NativeRows rows, int from, int to) {
    long bytes = (to - from) * rows.step();
    rows.memory().asSlice(rows.at() + from * rows.step(), bytes).fill((byte) 0);
  }

  private void multiply() {
    int rows = AmxAttentionCode.ROWS;
    MemorySegment scratch = NativeScratch.get(NativeScratch.Part.WEIGHTS, AmxAttentionCode.SCRATCH);
    for (int panel = 0; panel < panels.panels(); panel += CHUNK) {
      int here = Math.min(CHUNK, panels.panels() - panel);
      long keys = f.keysAt(head) + panel * panels.keyPanel();
      long values = f.valuesAt(head) + (long) panel * AmxAttentionCode.VALUE_PANEL;
      long valueBytes =
          (panels.groups() - 1) * panels.valueGroup() + (long) here * AmxAttentionCode.VALUE_PANEL;
      for (int row = 0; row < count; row += rows) {
        boolean clamp = clamps[row / rows];
        new AmxAttentionCode(AmxPanels.steps(p.headDim()), clamp)
            .run(
                f.pages[clamp ? 1 : 0],
                NativeScratch.frame(),
                queries.from(row).address(rows, queries.step()),
                queries.step(),
                numbers.from(row).address(rows, numbers.step()),
                Range.address(f.packed, keys, here * panels.keyPanel()),
                here,
                Range.address(f.packed, values, valueBytes),
                panels.valueGroup(),
                panels.groups(),
                sums.from(row).address(rows, 4L * panels.groups() * AmxAttentionCode.COLUMNS),
                sums.step(),
                Range.address(scratch, 0, AmxAttentionCode.SCRATCH));
      }
    }
    Reference.reachabilityFence(scratch);
  }

  /** Writes the results; marks rows that must be computed again, and says whether there are any. */
  private boolean finish(boolean[] again) {
    MemorySegment memory = sums.memory();
    clear(totals, 0, count);
    boolean any = false;
    for (int i = 0; i < count; i++) {
      float total = memory.get(JAVA_FLOAT, sums.at() + i * sums.step() + 4L * p.headDim());
      memory.set(JAVA_FLOAT, totals.at() + i * totals.step(), total);
      again[i] |= !(total >= BoundedTile.LEAST_SUM);
      any |= again[i];
    }
    NativeRows to = new NativeRows(f.out, 4 * f.at(p.out(), head, first), 4 * p.out().token());
    f.code.divide(sums, to, count, p.headDim(), totals);
    return any;
  }
}
