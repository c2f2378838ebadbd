package dev.viridian.kernels.cpu.jit;

import dev.viridian.kernels.cpu.threads.Workers;
import java.util.OptionalDouble;

/** What this machine's arithmetic units do at best, measured. */
public final class PeakRate {
  /** About a tenth of a millisecond: generated code delays the garbage collector. */
  private static final int TURNS = 50_000;

  private static final int CALLS = 100;
  private static final int ROUNDS = 5;

  private PeakRate() {}

  /**
   * F32 operations a second of all threads together, the best of a few rounds of some hundredths of
   * a second; empty where no code can be generated. What others do meanwhile lowers it.
   */
  public static OptionalDouble flops(Workers workers) {
    VectorLevel level = VectorLevel.best();
    if (level == null) {
      return OptionalDouble.empty();
    }
    PeakCode code = new PeakCode(level);
    CodePage page = CodeCache.get(code);
    if (page == null) {
      return OptionalDouble.empty();
    }
    int tasks = workers.threadCount();
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      workers.run(
          tasks,
          task -> {
            Frame frame = NativeScratch.frame();
            for (int i = 0; i < CALLS; i++) {
              code.run(page, frame, TURNS);
            }
          });
      double seconds = (System.nanoTime() - start) * 1e-9;
      best = Math.max(best, code.flops() * TURNS * CALLS * tasks / seconds);
    }
    return OptionalDouble.of(best);
  }
}
