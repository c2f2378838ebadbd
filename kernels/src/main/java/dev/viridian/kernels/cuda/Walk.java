package dev.viridian.kernels.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A walk over elements by strides, as the kernels take it: eight sizes, filled up with 1 in front,
 * and eight strides for each operand. Neighbouring dimensions that all operands walk through as one
 * are merged, so that tensors of higher rank usually fit, too.
 *
 * @param sizes long [8]
 * @param strides of each operand, long [operands][8]
 */
record Walk(long[] sizes, long[][] strides) {
  private static final int RANK = 8;

  @SafeVarargs
  static Walk of(List<Long> shape, List<Long>... operands) {
    List<Long> sizes = new ArrayList<>();
    List<long[]> steps = new ArrayList<>(); // of all operands, for each size
    for (int d = 0; d < shape.size(); d++) {
      if (shape.get(d) == 1) {
        continue;
      }
      long[] step = new long[operands.length];
      for (int i = 0; i < step.length; i++) {
        step[i] = operands[i].get(d);
      }
      int last = sizes.size() - 1;
      if (last >= 0 && follows(steps.get(last), step, shape.get(d))) {
        sizes.set(last, sizes.get(last) * shape.get(d));
        steps.set(last, step);
      } else {
        sizes.add(shape.get(d));
        steps.add(step);
      }
    }
    if (sizes.size() > RANK) {
      throw new IllegalArgumentException(
          "a walk over more than " + RANK + " dimensions that do not merge: " + shape);
    }
    long[] filled = new long[RANK];
    long[][] strides = new long[operands.length][RANK];
    Arrays.fill(filled, 1);
    int skip = RANK - sizes.size();
    for (int d = 0; d < sizes.size(); d++) {
      filled[skip + d] = sizes.get(d);
      for (int i = 0; i < operands.length; i++) {
        strides[i][skip + d] = steps.get(d)[i];
      }
    }
    return new Walk(filled, strides);
  }

  private static boolean follows(long[] outer, long[] inner, long size) {
    for (int i = 0; i < outer.length; i++) {
      if (outer[i] != inner[i] * size) {
        return false;
      }
    }
    return true;
  }

  /** Whether an operand's elements lie one after the other in the order of the walk. */
  boolean isContiguous(int operand) {
    long step = 1;
    for (int d = RANK - 1; d >= 0; d--) {
      if (sizes[d] != 1 && strides[operand][d] != step) {
        return false;
      }
      step *= sizes[d];
    }
    return true;
  }

  /**
   * The same walk over units of so many elements each, or this one where an operand's innermost
   * elements are not whole units that lie one after the other, or it goes on by other steps.
   */
  Walk inUnits(int unit) {
    long inner = sizes[RANK - 1];
    boolean whole = unit > 1 && inner % unit == 0;
    for (int i = 0; i < strides.length; i++) {
      whole &= strides[i][RANK - 1] == 1;
      for (int d = 0; d < RANK - 1; d++) {
        whole &= sizes[d] == 1 || strides[i][d] % unit == 0;
      }
    }
    if (!whole) {
      return this;
    }
    long[] fewer = sizes.clone();
    fewer[RANK - 1] = inner / unit;
    long[][] shorter = new long[strides.length][RANK];
    for (int i = 0; i < strides.length; i++) {
      for (int d = 0; d < RANK - 1; d++) {
        shorter[i][d] = strides[i][d] / unit;
      }
      shorter[i][RANK - 1] = 1;
    }
    return new Walk(fewer, shorter);
  }

  /** The least place that an operand reaches, relative to its first element: 0 or less. */
  long least(int operand) {
    long least = 0;
    for (int d = 0; d < RANK; d++) {
      least += Math.min(0, (sizes[d] - 1) * strides[operand][d]);
    }
    return least;
  }

  /** One past the largest place that an operand reaches, relative to its first element. */
  long span(int operand) {
    long most = 0;
    for (int d = 0; d < RANK; d++) {
      most += Math.max(0, (sizes[d] - 1) * strides[operand][d]);
    }
    return most + 1;
  }
}
