package dev.viridian.bench.shapes;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.Map;

/** Group normalisation with SiLU, 32 groups: side of the map, channels. */
public enum GroupNormShape implements OpCase {
  /** First level. */
  S64_C320(64, 320),
  /** First level on the way up. */
  S64_C960(64, 960),
  /** Second level. */
  S32_C640(32, 640),
  /** Third level. */
  S16_C1280(16, 1280),
  /** The autoencoder's last level. */
  S512_C128(512, 128);

  private static final int GROUPS = 32;
  private static final float EPS = 1e-5f;

  /** Operations an element: mean, variance, scale and shift, sigmoid taken as four. */
  private static final int FLOPS = 10;

  private final int side;
  private final int channels;

  GroupNormShape(int side, int channels) {
    this.side = side;
    this.channels = channels;
  }

  /** The kernel's problem. */
  public NormKernels.GroupNorm problem() {
    return problem(side);
  }

  /** The same on a map of another side. */
  public NormKernels.GroupNorm problem(int otherSide) {
    return new NormKernels.GroupNorm(
        1, otherSide * otherSide, channels, GROUPS, EPS, DType.F32, Activation.SILU);
  }

  @Override
  public String label() {
    return "groupNorm+silu " + side + "x" + side + " " + channels;
  }

  @Override
  public String family() {
    return "norm";
  }

  @Override
  public double flops() {
    return (double) FLOPS * side * side * channels;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(
        new long[] {1, side, side, channels}, new long[] {channels}, new long[] {channels});
  }

  @Override
  public long[] output() {
    return new long[] {1, side, side, channels};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    NormKernels.GroupNorm problem = problem();
    return () ->
        kernels
            .norm()
            .groupNorm(problem, new NormKernels.Forward(in.get(0), in.get(1), in.get(2), out));
  }

  @Override
  public Map<String, Object> request() {
    return Map.of("op", "group_norm_silu", "side", side, "channels", channels, "groups", GROUPS);
  }
}
