package dev.viridian.kernels.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Convolutions of one implementation against the plain loops, which sum in double. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ConvCases {
  /** Of the root mean square; sums of up to 20,000 products in float. */
  private static final double TOLERANCE = 2e-5;

  private static final DType[] TYPES = {DType.F32, DType.F16, DType.BF16};
  private final String implementation;
  private CpuKernels reference;
  private final CpuKernels[] forced = new CpuKernels[3];

  ConvCases(String implementation) {
    this.implementation = implementation;
  }

  @BeforeAll
  void open() {
    reference = new CpuKernels(CpuOptions.reference(2));
    for (int i = 0; i < 3; i++) {
      forced[i] = new CpuKernels(new CpuOptions(i + 1, Map.of("conv", implementation)));
    }
  }

  @AfterAll
  void close() {
    reference.close();
    for (CpuKernels kernels : forced) {
      kernels.close();
    }
  }

  private void check(ConvProblem p, Random random) {
    long sizeX = (long) p.n() * p.h() * p.w() * p.c();
    long sizeY = (long) p.n() * p.outH() * p.outW() * p.outC();
    long sizeW = (long) p.outC() * p.kh() * p.kw() * (p.c() / p.groups());
    HostBuffer x = Floats.random(random, sizeX);
    HostBuffer dy = Floats.random(random, sizeY);
    HostBuffer weight = Floats.random(random, p.weight(), sizeW);
    HostBuffer bias = p.bias() ? Floats.random(random, p.biasType(), p.outC()) : null;
    compare(p + " forward", sizeY, (k, y) -> k.conv().forward(p, x, weight, bias, y));
    compare(p + " backwardData", sizeX, (k, dx) -> k.conv().backwardData(p, dy, weight, dx));
    compare(p + " backwardFilter", sizeW, (k, dw) -> k.conv().backwardFilter(p, x, dy, dw));
  }

  private interface Call {
    void run(CpuKernels kernels, HostBuffer to);
  }

  private void compare(String what, long size, Call call) {
    HostBuffer expected = Floats.filled(size, 7);
    call.run(reference, expected);
    HostBuffer first = null;
    for (CpuKernels kernels : forced) {
      HostBuffer actual = Floats.filled(size, 7);
      call.run(kernels, actual);
      double difference = Floats.difference(actual, expected);
      assertTrue(difference < TOLERANCE, () -> what + " differs by " + difference);
      assertTrue(
          first == null || first.segment().mismatch(actual.segment()) == -1, "threads " + what);
      first = actual;
    }
  }

  @Test
  void usualConvolutions() {
    Random random = new Random(1);
    check(ConvProblem.of(2, 8, 9, 64, 48, 3, 1, 1), random);
    check(ConvProblem.of(1, 11, 10, 33, 17, 3, 2, 1), random);
    check(ConvProblem.of(1, 8, 8, 320, 36, 3, 1, 1), random);
    check(ConvProblem.of(3, 5, 7, 19, 23, 1, 1, 0), random);
    check(ConvProblem.of(1, 12, 12, 5, 6, 1, 2, 0), random);
    check(ConvProblem.of(1, 70, 70, 3, 16, 3, 1, 1), random);
    check(ConvProblem.of(1, 40, 40, 16, 3, 7, 4, 3), random);
    check(ConvProblem.of(0, 4, 4, 8, 8, 3, 1, 1), random);
    assertTrue(forced[0].choices().contains("conv.forward: " + implementation));
  }

  @Test
  void randomProblems() {
    for (int seed = 0; seed < 120; seed++) {
      Random random = new Random(seed);
      int kh = 1 + random.nextInt(4);
      int kw = 1 + random.nextInt(4);
      int dilationH = 1 + random.nextInt(2);
      int dilationW = 1 + random.nextInt(2);
      int groups = 1 + random.nextInt(3);
      int inC = groups * (1 + random.nextInt(20));
      int outC = groups * (1 + random.nextInt(20));
      if (seed % 4 == 0) {
        groups = 1 + random.nextInt(40);
        inC = groups;
        outC = groups;
      }
      Activation[] activations = Activation.values();
      check(
          new ConvProblem(
              1 + random.nextInt(3),
              (kh - 1) * dilationH + 1 + random.nextInt(9),
              (kw - 1) * dilationW + 1 + random.nextInt(9),
              inC,
              outC,
              kh,
              kw,
              1 + random.nextInt(3),
              1 + random.nextInt(3),
              random.nextInt(4),
              random.nextInt(4),
              random.nextInt(4),
              random.nextInt(4),
              dilationH,
              dilationW,
              groups,
              TYPES[random.nextInt(3)],
              random.nextBoolean(),
              TYPES[random.nextInt(3)],
              activations[random.nextInt(activations.length)]),
          random);
    }
  }
}
