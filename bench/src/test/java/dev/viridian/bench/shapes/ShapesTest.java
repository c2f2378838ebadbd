package dev.viridian.bench.shapes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.cpu.CpuKernels;
import dev.viridian.kernels.cpu.CpuOptions;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What is timed is right too: the kernels that are chosen agree with the plain loops at the models'
 * own channels, on maps cut small so that the plain loops end.
 */
final class ShapesTest {
  private static final int SIDE = 3;
  private static final int QUERIES = 5;
  private static CpuKernels fast;
  private static CpuKernels reference;

  @BeforeAll
  static void open() {
    fast = new CpuKernels(CpuOptions.defaults());
    reference = new CpuKernels(CpuOptions.reference(2));
  }

  @AfterAll
  static void close() {
    fast.close();
    reference.close();
  }

  private static void agree(long count, double tolerance, BiConsumer<Kernels, HostBuffer> call) {
    HostBuffer actual = Inputs.random(Arena.ofAuto(), count);
    HostBuffer expected = Inputs.empty(Arena.ofAuto(), count);
    call.accept(fast, actual);
    call.accept(reference, expected);
    for (long i = 0; i < count; i++) {
      long at = i;
      float e = expected.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float a = actual.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      assertEquals(e, a, tolerance, () -> "element " + at);
    }
  }

  private static HostBuffer random(long count) {
    return Inputs.random(Arena.ofAuto(), count);
  }

  @ParameterizedTest
  @EnumSource
  void convolutions(ConvShape shape) {
    ConvProblem p = shape.problem(SIDE);
    HostBuffer x = random((long) p.h() * p.w() * p.c());
    HostBuffer w = random((long) p.outC() * p.kh() * p.kw() * p.c());
    HostBuffer bias = random(p.outC());
    // Sums of k products of numbers up to 1: rounding errors add up like √k of them.
    double tolerance = 1e-6 * Math.sqrt((double) p.kh() * p.kw() * p.c()) * 10;
    agree(
        (long) p.outH() * p.outW() * p.outC(),
        tolerance,
        (k, y) -> k.conv().forward(p, x, w, bias, y));
  }

  @ParameterizedTest
  @EnumSource
  void attention(AttentionShape shape) {
    AttentionProblem p = shape.problem(QUERIES);
    int width = p.heads() * p.headDim();
    HostBuffer q = random((long) p.queries() * width);
    HostBuffer k = random((long) p.keys() * width);
    HostBuffer v = random((long) p.keys() * width + 1);
    agree(
        (long) p.queries() * width,
        1e-5,
        (kernels, y) ->
            kernels
                .attention()
                .forward(p, new AttentionKernels.Inputs(q, k, v), new AttentionKernels.Results(y)));
  }

  @ParameterizedTest
  @EnumSource
  void groupNorms(GroupNormShape shape) {
    NormKernels.GroupNorm p = shape.problem(SIDE);
    long n = (long) p.spatial() * p.channels();
    HostBuffer x = random(n);
    HostBuffer gamma = random(p.channels());
    HostBuffer beta = random(p.channels() + 1L);
    agree(n, 1e-5, (k, y) -> k.norm().groupNorm(p, new NormKernels.Forward(x, gamma, beta, y)));
  }

  /** Calls in lower precision are what they say: near F32, and not F32. */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "INT8"})
  void lowerPrecision(Precision precision) {
    assumeTrue(fast.packed().offers(precision), "no " + precision.label() + " here");
    for (OpCase op :
        List.of(
            GemmShape.M77_N320_K768,
            ConvShape.S8_C1280_O1280_K3,
            AttentionShape.Q256_K256_H8_D160)) {
      if (!op.has(precision)) {
        continue;
      }
      try (Arena arena = Arena.ofShared()) {
        List<HostBuffer> in = op.values(arena);
        long count = OpCase.elements(op.output());
        HostBuffer exact = Inputs.empty(arena, count);
        HostBuffer low = Inputs.empty(arena, count);
        op.call(fast, in, exact).run();
        op.call(fast, precision, in, low, arena).run();
        double error = 0;
        double all = 0;
        for (long i = 0; i < count; i++) {
          double e = exact.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
          double d = low.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i) - e;
          error += d * d;
          all += e * e;
        }
        double relative = Math.sqrt(error / all);
        assertTrue(relative > 1e-4 && relative < 1.6e-2, op.label() + ": " + relative);
      }
    }
    assertFalse(GegluShape.values()[0].has(precision));
  }

  @Test
  void everyCaseHasANameOfItsOwnAndItsFamily() {
    long names = OpCase.all().stream().map(OpCase::label).distinct().count();
    assertEquals(OpCase.all().size(), names);
    for (OpCase op : OpCase.all()) {
      assertEquals(true, CpuOptions.FAMILIES.contains(op.family()), op.family());
    }
  }
}
