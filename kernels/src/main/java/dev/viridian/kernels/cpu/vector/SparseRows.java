package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.ResizeTaps;

/**
 * One axis of a resize as a sparse matrix by rows: output i is {@code Σ weight[t] ·
 * input[index[t]]} with t from {@code start[i]} to before {@code start[i + 1]}, in order of the
 * index.
 */
record SparseRows(int[] start, int[] index, float[] weight) {
  /** The matrix from in to out pixels; weights of 0 are left out, equal indices joined. */
  static SparseRows of(ResizeTaps taps, int out) {
    int[] start = new int[out + 1];
    int[] index = new int[taps.index().length];
    float[] weight = new float[index.length];
    int next = 0;
    for (int i = 0; i < out; i++) {
      start[i] = next;
      for (int a = i * taps.width(); a < (i + 1) * taps.width(); a++) {
        if (taps.weight()[a] == 0) {
          continue;
        }
        if (next > start[i] && index[next - 1] == taps.index()[a]) {
          weight[next - 1] += (float) taps.weight()[a];
        } else {
          index[next] = taps.index()[a];
          weight[next++] = (float) taps.weight()[a];
        }
      }
    }
    start[out] = next;
    return new SparseRows(start, index, weight);
  }

  /**
   * The transposed matrix.
   *
   * @param in pixels that this one reads from
   */
  SparseRows transposed(int in) {
    int taps = start[start.length - 1];
    int[] first = new int[in + 1];
    for (int t = 0; t < taps; t++) {
      first[index[t] + 1]++;
    }
    for (int i = 0; i < in; i++) {
      first[i + 1] += first[i];
    }
    int[] next = first.clone();
    int[] rows = new int[taps];
    float[] weights = new float[taps];
    for (int i = 0; i < start.length - 1; i++) {
      for (int t = start[i]; t < start[i + 1]; t++) {
        int at = next[index[t]]++;
        rows[at] = i;
        weights[at] = weight[t];
      }
    }
    return new SparseRows(first, rows, weights);
  }
}
