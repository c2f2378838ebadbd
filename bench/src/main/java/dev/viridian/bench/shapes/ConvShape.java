package dev.viridian.bench.shapes;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** Convolutions of the UNet and of the autoencoder, with bias: side of the map, channels. */
public enum ConvShape implements OpCase {
  /** First level. */
  S64_C320_O320_K3(64, 320, 320, 3, 1),
  /** First level on the way up, before the skip is mixed in. */
  S64_C640_O320_K3(64, 640, 320, 3, 1),
  /** Second level. */
  S32_C640_O640_K3(32, 640, 640, 3, 1),
  /** Third level. */
  S16_C1280_O1280_K3(16, 1280, 1280, 3, 1),
  /** Third level on the way up. */
  S16_C2560_O1280_K3(16, 2560, 1280, 3, 1),
  /** Fourth level. */
  S8_C1280_O1280_K3(8, 1280, 1280, 3, 1),
  /** From the first level to the second. */
  S64_C320_O320_K3_D2(64, 320, 320, 3, 2),
  /** The residual's own path. */
  S64_C640_O320_K1(64, 640, 320, 1, 1),
  /** The first convolution. */
  S64_C4_O320_K3(64, 4, 320, 3, 1),
  /** The last convolution. */
  S64_C320_O4_K3(64, 320, 4, 3, 1),
  /** The autoencoder's lowest level. */
  S64_C512_O512_K3(64, 512, 512, 3, 1),
  /** The autoencoder's second level. */
  S256_C256_O256_K3(256, 256, 256, 3, 1),
  /** The autoencoder's last level. */
  S512_C128_O128_K3(512, 128, 128, 3, 1);

  private final int side;
  private final int c;
  private final int outC;
  private final int kernel;
  private final int stride;

  ConvShape(int side, int c, int outC, int kernel, int stride) {
    this.side = side;
    this.c = c;
    this.outC = outC;
    this.kernel = kernel;
    this.stride = stride;
  }

  /** The kernel's problem. */
  public ConvProblem problem() {
    return problem(side);
  }

  /** The same on a map of another side. */
  public ConvProblem problem(int otherSide) {
    return ConvProblem.of(1, otherSide, otherSide, c, outC, kernel, stride, kernel / 2)
        .epilogue(true, DType.F32, Activation.NONE);
  }

  @Override
  public String label() {
    return "conv"
        + kernel
        + "x"
        + kernel
        + (stride == 1 ? " " : "/" + stride + " ")
        + side
        + "x"
        + side
        + " "
        + c
        + "->"
        + outC;
  }

  @Override
  public String family() {
    return "conv";
  }

  @Override
  public double flops() {
    ConvProblem p = problem();
    return 2.0 * p.outH() * p.outW() * outC * kernel * kernel * c;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(
        new long[] {1, side, side, c}, new long[] {outC, kernel, kernel, c}, new long[] {outC});
  }

  @Override
  public long[] output() {
    return new long[] {1, problem().outH(), problem().outW(), outC};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    ConvProblem problem = problem();
    return () -> kernels.conv().infer(problem, in.get(0), in.get(1), in.get(2), out);
  }

  @Override
  public boolean has(Precision precision) {
    return true;
  }

  @Override
  public Runnable call(
      Kernels kernels, Precision precision, List<? extends Buffer> in, Buffer out, Arena arena) {
    if (precision == Precision.F32) {
      return call(kernels, in, out);
    }
    ConvProblem problem = problem();
    PackedWeight w = new PackedWeight(precision, outC, kernel * kernel, c);
    Buffer packed = OpCase.packed(kernels, w, in.get(1), arena);
    return () -> kernels.packed().convolve(problem, w, in.get(0), packed, in.get(2), out);
  }

  @Override
  public Map<String, Object> request() {
    return Map.of(
        "op",
        "conv",
        "side",
        side,
        "in",
        c,
        "out",
        outC,
        "kernel",
        kernel,
        "stride",
        stride,
        "pad",
        kernel / 2);
  }
}
