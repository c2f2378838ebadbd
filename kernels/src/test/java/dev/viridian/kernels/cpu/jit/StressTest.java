package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Generated code under garbage collection, from several threads. The number of calls is 10^5, or as
 * the system property {@code viridian.test.calls} says.
 */
final class StressTest {
  private static final int THREADS = 4;

  /** What a garbage collector would want to move, and what it would want to free. */
  private static volatile Object garbage;

  /** Something that is computed over and over; its result is always the same. */
  private record Work(int results, Consumer<HostBuffer> body) {
    HostBuffer run() {
      HostBuffer result = numbers(results);
      body.accept(result);
      return result;
    }
  }

  /** A product, a convolution and attention, of ten calls of generated code or more each. */
  private static List<Work> works(Workers workers) {
    JitGemm gemm = new JitGemm(workers);
    GemmProblem product = GemmProblem.of(13, 19, 37, false, true);
    HostBuffer a = numbers(13 * 37);
    HostBuffer b = numbers(19 * 37);
    JitConv conv = new JitConv(workers);
    ConvProblem filters = ConvProblem.of(1, 3, 5, 64, 64, 3, 1, 1);
    HostBuffer x = numbers(3 * 5 * 64);
    HostBuffer weight = numbers(64 * 9 * 64);
    JitAttention attention = new JitAttention(workers);
    AttentionProblem tokens = AttentionProblem.blhd(1, 2, 13, 37, 20);
    HostBuffer q = numbers(13 * 40);
    HostBuffer k = numbers(37 * 40);
    return List.of(
        new Work(13 * 19, c -> gemm.gemm(product, a, b, null, c)),
        new Work(3 * 5 * 64, y -> conv.forward(filters, x, weight, null, y)),
        new Work(13 * 40, y -> attention.forward(tokens, new Inputs(q, k, k), new Results(y))));
  }

  @Test
  void manyCallsUnderGarbageCollection() throws Exception {
    assumeTrue(Kit.best() != null, "no code is generated here");
    long turns = Long.getLong("viridian.test.calls", 100_000) / 10 / THREADS;
    try (Workers workers = new Workers(1)) {
      List<Work> works = works(workers);
      List<HostBuffer> expected = works.stream().map(Work::run).toList();
      AtomicLong mismatches = new AtomicLong();
      AtomicLong done = new AtomicLong();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int first = t;
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (long i = 0; i < turns; i++) {
                        int which = (int) ((first + i) % works.size());
                        HostBuffer result = works.get(which).run();
                        if (result.segment().mismatch(expected.get(which).segment()) != -1) {
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
      assertEquals(turns * THREADS, done.get());
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
