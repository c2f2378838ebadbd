package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Generated code under garbage collection, from several threads. The number of calls is 10^5, or as
 * the system property {@code viridian.test.calls} says.
 */
final class StressTest {
  private static final int THREADS = 4;

  /** What a garbage collector would want to move, and what it would want to free. */
  private static volatile Object garbage;

  @Test
  void manyCallsUnderGarbageCollection() throws Exception {
    assumeTrue(Kit.best() != null, "no code is generated here");
    long calls = Long.getLong("viridian.test.calls", 100_000);
    int m = 13;
    int n = 19;
    int k = 37;
    HostBuffer a = numbers(m * k);
    HostBuffer b = numbers(n * k);
    GemmProblem p = GemmProblem.of(m, n, k, false, true);
    try (Workers workers = new Workers(1)) {
      JitGemm gemm = new JitGemm(workers);
      HostBuffer expected = numbers(m * n);
      gemm.gemm(p, a, b, null, expected);
      // A product of this size is two packed blocks, three calls of tiles a panel and one store.
      long products = calls / 10 / THREADS;
      AtomicLong mismatches = new AtomicLong();
      AtomicLong done = new AtomicLong();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (long i = 0; i < products; i++) {
                        HostBuffer c = numbers(m * n);
                        gemm.gemm(p, a, b, null, c);
                        if (c.segment().mismatch(expected.segment()) != -1) {
                          mismatches.incrementAndGet();
                        }
                        garbage = new byte[(int) (i % 50_000)];
                        done.incrementAndGet();
                      }
                    }));
      }
      while (threads.stream().anyMatch(Thread::isAlive)) {
        System.gc();
        Thread.sleep(20);
      }
      assertEquals(products * THREADS, done.get());
      assertEquals(0, mismatches.get());
    }
  }

  private static HostBuffer numbers(int count) {
    HostBuffer buffer =
        new HostBuffer(Arena.ofAuto().allocate((long) count * DType.F32.bytes(), 64));
    for (int i = 0; i < count; i++) {
      Numbers.set(buffer.segment(), i, (i * 37 % 101 - 50) / 64f);
    }
    return buffer;
  }
}
