package dev.viridian.kernels.cuda;

import dev.viridian.kernels.ResizeTaps;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One axis of a resize, or of its transpose, as the kernels take it: output i is the sum of
 * weight[k] times input index[k], k from start[i] to before start[i + 1]. No weight is 0.
 *
 * @param start int [outputs + 1]
 * @param index int, each at least 0 and below the number of inputs
 * @param weight float
 */
record SparseAxis(int[] start, int[] index, float[] weight) {
  /** From inputs to outputs. */
  static SparseAxis forward(ResizeTaps taps, int inputs, int outputs) {
    return of(taps, inputs, outputs, false);
  }

  /** From outputs to inputs, for gradients. */
  static SparseAxis backward(ResizeTaps taps, int inputs, int outputs) {
    return of(taps, inputs, outputs, true);
  }

  private static SparseAxis of(ResizeTaps taps, int inputs, int outputs, boolean transposed) {
    int[] start = new int[(transposed ? inputs : outputs) + 1];
    int taken = outputs * taps.width();
    for (int k = 0; k < taken; k++) {
      if (taps.index()[k] < 0 || taps.index()[k] >= inputs) {
        throw new IllegalStateException("a tap at " + taps.index()[k] + " of " + inputs);
      }
      if (taps.weight()[k] != 0) {
        start[(transposed ? taps.index()[k] : k / taps.width()) + 1]++;
      }
    }
    for (int i = 1; i < start.length; i++) {
      start[i] += start[i - 1];
    }
    int[] index = new int[start[start.length - 1]];
    float[] weight = new float[index.length];
    int[] next = start.clone();
    for (int k = 0; k < taken; k++) {
      if (taps.weight()[k] != 0) {
        int output = k / taps.width();
        int at = next[transposed ? taps.index()[k] : output]++;
        index[at] = transposed ? output : taps.index()[k];
        weight[at] = (float) taps.weight()[k];
      }
    }
    return new SparseAxis(start, index, weight);
  }

  /** How many bytes it needs: start, index, weight. */
  long bytes() {
    return 4L * start.length + 8L * index.length;
  }

  /** Writes them one after the other. */
  void write(MemorySegment to) {
    long starts = 4L * start.length;
    long indices = 4L * index.length;
    MemorySegment.copy(start, 0, to, ValueLayout.JAVA_INT, 0, start.length);
    MemorySegment.copy(index, 0, to, ValueLayout.JAVA_INT, starts, index.length);
    MemorySegment.copy(weight, 0, to, ValueLayout.JAVA_FLOAT, starts + indices, weight.length);
  }
}
