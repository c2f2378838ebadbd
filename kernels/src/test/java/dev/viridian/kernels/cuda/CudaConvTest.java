package dev.viridian.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.CudaBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CudaConvTest extends CudaFamilyTest {
  /** What is allowed, of the largest result. */
  double tolerance() {
    return 3e-6;
  }

  /** The kernels that are tested, in place of those of the device. */
  ConvKernels conv(Kernels any) {
    return any.conv();
  }

  /** Maps and weights: standard normal. */
  Numbers factors(DType type, long count) {
    return normal(type, count);
  }

  private void check(ConvProblem p) {
    long sizeX = (long) p.n() * p.h() * p.w() * p.c();
    long sizeY = (long) p.n() * p.outH() * p.outW() * p.outC();
    long sizeW = (long) p.outC() * p.kh() * p.kw() * (p.c() / p.groups());
    List<Numbers> arguments = new ArrayList<>();
    arguments.add(factors(DType.F32, sizeX));
    arguments.add(factors(p.weight(), sizeW));
    arguments.add(unwritten(sizeY));
    if (p.bias()) {
      arguments.add(normal(p.biasType(), p.outC()));
    }
    agree(
        p + " forward",
        tolerance(),
        (k, b) -> conv(k).forward(p, b[0], b[1], p.bias() ? b[3] : null, b[2]),
        arguments.toArray(Numbers[]::new));
    agree(
        p + " backwardData",
        tolerance(),
        (k, b) -> conv(k).backwardData(p, b[0], b[1], b[2]),
        factors(DType.F32, sizeY),
        factors(p.weight(), sizeW),
        unwritten(sizeX));
    agree(
        p + " backwardFilter",
        tolerance(),
        (k, b) -> conv(k).backwardFilter(p, b[0], b[1], b[2]),
        factors(DType.F32, sizeX),
        factors(DType.F32, sizeY),
        unwritten(sizeW));
  }

  @Test
  void kernelsStridesAndPadding() {
    check(ConvProblem.of(1, 1, 1, 1, 1, 1, 1, 0));
    check(ConvProblem.of(2, 5, 4, 6, 3, 1, 1, 0));
    check(ConvProblem.of(2, 6, 5, 3, 4, 3, 1, 1));
    check(ConvProblem.of(1, 7, 8, 2, 5, 3, 2, 1));
    check(ConvProblem.of(1, 9, 9, 3, 2, 4, 4, 0));
    check(ConvProblem.of(1, 5, 6, 2, 2, 1, 2, 0));
    check(ConvProblem.of(0, 5, 6, 2, 2, 3, 1, 1));
  }

  @Test
  void unequalPaddingDilationAndGroups() {
    for (Activation activation : Activation.values()) {
      check(
          new ConvProblem(
              2,
              7,
              6,
              6,
              4,
              3,
              2,
              2,
              1,
              0,
              1,
              2,
              0,
              1,
              2,
              2,
              DType.F32,
              true,
              DType.F32,
              activation));
    }
    // depthwise
    check(
        new ConvProblem(
            1,
            6,
            6,
            5,
            5,
            3,
            3,
            1,
            1,
            2,
            2,
            2,
            2,
            2,
            2,
            5,
            DType.F32,
            true,
            DType.BF16,
            Activation.NONE));
  }

  /** The second time nothing is searched. */
  @Test
  void sameShapeAgain() {
    check(ConvProblem.of(1, 4, 5, 8, 3, 3, 1, 1));
    check(ConvProblem.of(1, 4, 5, 8, 3, 3, 1, 1));
  }

  @Test
  void typesOfWeights() {
    for (DType type : List.of(DType.F16, DType.BF16)) {
      check(
          new ConvProblem(
              1, 5, 5, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, type, true, type, Activation.SILU));
    }
  }

  /** A map whose patches do not fit at once gives the same as in one piece. */
  @Test
  void piecesGiveTheWhole() {
    ConvProblem p = ConvProblem.of(2, 9, 7, 3, 4, 3, 1, 1);
    float[][] whole = results(p, kernels.conv());
    for (long room : new long[] {1, 4000, 20_000}) {
      float[][] pieces =
          results(
              p, new CudaConv(new CudaStorage(device, DType.F32), allocator, kernels.gemm(), room));
      for (int i = 0; i < whole.length; i++) {
        assertArrayEquals(whole[i], pieces[i], 1e-4f, "room " + room + ", result " + i);
      }
    }
  }

  private float[][] results(ConvProblem p, ConvKernels conv) {
    Random values = new Random(3);
    int[] sizes = {
      p.n() * p.h() * p.w() * p.c(),
      p.n() * p.outH() * p.outW() * p.outC(),
      p.outC() * p.kh() * p.kw() * p.c()
    };
    CudaBuffer[] in = new CudaBuffer[3];
    CudaBuffer[] out = new CudaBuffer[3];
    for (int i = 0; i < 3; i++) {
      float[] numbers = new float[sizes[i]];
      for (int j = 0; j < numbers.length; j++) {
        numbers[j] = (float) values.nextGaussian();
      }
      in[i] = allocator.allocate(4L * sizes[i]);
      out[i] = allocator.allocate(4L * sizes[i]);
      device.upload(MemorySegment.ofArray(numbers), in[i]);
    }
    conv.forward(p, in[0], in[2], null, out[1]);
    conv.backwardData(p, in[1], in[2], out[0]);
    conv.backwardFilter(p, in[0], in[1], out[2]);
    float[][] results = new float[3][];
    for (int i = 0; i < 3; i++) {
      results[i] = new float[sizes[i]];
      device.download(out[i], MemorySegment.ofArray(results[i]));
      allocator.release(in[i]);
      allocator.release(out[i]);
    }
    return results;
  }
}
