package dev.viridian.kernels.cpu.jit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.EnumMap;
import org.jspecify.annotations.Nullable;

/**
 * Some queries of one head. Scores with a block of keys become weights relative to the largest
 * score so far; when that grows, what has been summed is scaled down.
 */
final class OnlineTile {
  private static final int BYTES = Float.BYTES;

  final AttentionForward f;
  final AttentionProblem p;
  final int head;
  final int first;
  final int count;
  final int lanes;
  final NativeRows queries;
  final NativeRows scores;
  final NativeRows sums;
  final NativeRows state;
  final NativeRows factor;

  OnlineTile(AttentionForward f, int head, int first, int count) {
    this.f = f;
    this.p = f.p;
    this.head = head;
    this.first = first;
    this.count = count;
    lanes = f.code.level.lanes();
    NativeRows[] groups =
        NativeRows.scratch(
            f.rows,
            NativeRows.width(p.headDim()),
            NativeRows.width(HeadPanels.BLOCK),
            NativeRows.width(f.panels.vectors() * lanes),
            4L * SoftmaxCode.STATE_VECTORS * lanes,
            4);
    queries = groups[0];
    scores = groups[1];
    sums = groups[2];
    state = groups[3];
    factor = groups[4].alike();
  }

  /** Computes the rows; those that are not wanted, if that is given, are not written. */
  void run(boolean @Nullable [] wanted) {
    HeadPanels panels = f.panels;
    begin();
    int visible = p.causal() ? Math.min(p.keys(), first + count) : p.keys();
    for (int block = 0; block * HeadPanels.BLOCK < visible; block++) {
      int key = block * HeadPanels.BLOCK;
      int width = panels.count(block);
      panels.scores(queries, count, f.packed, f.keysAt(head), block, scores);
      f.mask.apply(scores, head, first, count, key, width);
      NativeRows before = block == 0 ? null : sums;
      long weightsAt = 4L * f.batch * p.keys() + 4L * key;
      f.code.softmax(scores, count, width, state, before, panels.vectors(), f.weights, weightsAt);
      panels.addWeighted(scores, count, f.packed, f.valuesAt(head), block, sums, block > 0);
    }
    finish(wanted);
  }

  private void begin() {
    factor.memory().set(JAVA_FLOAT, factor.at(), p.scale());
    NativeRows from = new NativeRows(f.q, 4 * f.at(p.q(), head, first), 4 * p.q().token());
    f.code.copy(from, queries, count, p.headDim(), factor);
    MemorySegment fresh = Fresh.STATE.get(f.code.level);
    MemorySegment.copy(fresh, 0, state.memory(), state.at(), count * state.step());
  }

  private void finish(boolean @Nullable [] wanted) {
    NativeRows to = new NativeRows(f.out, 4 * f.at(p.out(), head, first), 4 * p.out().token());
    NativeRows weights = state.shifted(4L * lanes);
    if (wanted == null) {
      f.code.divide(sums, to, count, p.headDim(), weights);
    }
    for (int i = 0; wanted != null && i < count; i++) {
      if (wanted[i]) {
        f.code.divide(sums.from(i), to.from(i), 1, p.headDim(), weights.from(i));
      }
    }
    MemorySegment lse = f.lse;
    for (int i = 0; i < count && (lse != null || f.columnMap != null); i++) {
      if (wanted != null && !wanted[i]) {
        continue;
      }
      double sum = lanes(i, 1);
      if (lse != null) {
        double max = state.memory().get(JAVA_FLOAT, state.at() + i * state.step());
        long row = ((long) f.batch * p.heads() + head) * p.queries() + first + i;
        Numbers.set(lse, row, max + Math.log(sum));
      }
      if (f.columnMap != null) {
        f.columns[head * p.queries() + first + i] = sum == 0 ? 0 : (float) (lanes(i, 2) / sum);
      }
    }
    Reference.reachabilityFence(state.memory());
  }

  /** Sum of the lanes of a vector of a row's state. */
  private double lanes(int row, int vector) {
    double sum = 0;
    long at = state.at() + row * state.step() + (long) BYTES * vector * lanes;
    for (int i = 0; i < lanes; i++) {
      sum += state.memory().get(JAVA_FLOAT, at + (long) BYTES * i);
    }
    return sum;
  }

  /** The state of rows before the first key. */
  private static final class Fresh {
    static final EnumMap<VectorLevel, MemorySegment> STATE = new EnumMap<>(VectorLevel.class);

    static {
      for (VectorLevel level : VectorLevel.values()) {
        int lanes = level.lanes();
        int row = SoftmaxCode.STATE_VECTORS * lanes;
        MemorySegment state = Arena.global().allocate(4L * AttentionForward.MOST_ROWS * row, 64);
        for (int i = 0; i < AttentionForward.MOST_ROWS * row; i++) {
          state.setAtIndex(JAVA_FLOAT, i, i % row < lanes ? SoftmaxCode.NONE : 0f);
        }
        STATE.put(level, state);
      }
    }

    private Fresh() {}
  }
}
