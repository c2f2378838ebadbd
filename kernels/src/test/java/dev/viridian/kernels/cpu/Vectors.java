package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.List;
import java.util.function.Function;

/** Compares vector kernels with the plain loops. */
final class Vectors {
  private Vectors() {}

  /**
   * All results of the plain loops and of 1, 2 and 3 threads; the latter must agree bit by bit.
   *
   * @param tolerance relative to a number and the root mean square of all, or 1 if that is less
   */
  static <K> void compare(
      double tolerance,
      K reference,
      Function<Workers, K> vector,
      Function<K, List<HostBuffer>> run) {
    List<HostBuffer> expected = run.apply(reference);
    List<HostBuffer> first = null;
    for (int threads = 1; threads <= 3; threads++) {
      try (Workers workers = new Workers(threads)) {
        List<HostBuffer> actual = run.apply(vector.apply(workers));
        for (int i = 0; i < expected.size(); i++) {
          HostBuffer e = expected.get(i);
          close(actual.get(i), expected.get(i), tolerance, "result " + i);
          if (first != null) {
            long mismatch = first.get(i).segment().mismatch(actual.get(i).segment());
            assertEquals(-1, mismatch, threads + " threads, result " + i);
          }
        }
        first = actual;
      }
    }
  }

  private static void close(HostBuffer actual, HostBuffer expected, double tolerance, String what) {
    double size = Floats.norm(expected) / Math.sqrt(Math.max(1, Floats.count(expected)));
    for (long i = 0; i < Floats.count(expected); i++) {
      float a = Floats.get(actual, i);
      float e = Floats.get(expected, i);
      if (Float.floatToIntBits(a) != Float.floatToIntBits(e)) { // ∞ and NaN equal themselves
        double bound = tolerance * (Math.max(1, size) + Math.abs(e));
        assertTrue(
            Math.abs((double) a - e) <= bound, what + " at " + i + ": " + a + ", expected " + e);
      }
    }
  }
}
