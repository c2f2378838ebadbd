package dev.viridian.kernels.cpu.jit;

/**
 * A part of K that is summed in one go: some values of each of some segments.
 *
 * @param k where it begins in K
 */
record ProductPart(int k, int segment, int segments, int from, int length) {
  /** Values of K. */
  int values() {
    return segments * length;
  }
}
