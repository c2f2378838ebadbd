package dev.viridian.bench.shapes;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** Linear layers {@code y = x · wᵀ + bias} of the UNet: rows, outputs, inputs. */
public enum GemmShape implements OpCase {
  /** Queries, keys, values and projections of the first level. */
  M4096_N320_K320(4096, 320, 320),
  /** Half of the first level's feed-forward. */
  M4096_N1280_K320(4096, 1280, 320),
  /** The way back. */
  M4096_N320_K1280(4096, 320, 1280),
  /** Second level. */
  M1024_N640_K640(1024, 640, 640),
  /** Feed-forward of the second level. */
  M1024_N5120_K640(1024, 5120, 640),
  /** Third level. */
  M256_N1280_K1280(256, 1280, 1280),
  /** Feed-forward of the third level. */
  M256_N10240_K1280(256, 10240, 1280),
  /** Fourth level. */
  M64_N1280_K1280(64, 1280, 1280),
  /** Keys and values of a text. */
  M77_N320_K768(77, 320, 768);

  private final int m;
  private final int n;
  private final int k;

  GemmShape(int m, int n, int k) {
    this.m = m;
    this.n = n;
    this.k = k;
  }

  /** The kernel's problem. */
  public GemmProblem problem() {
    return GemmProblem.of(m, n, k, false, true).epilogue(true, DType.F32, Activation.NONE);
  }

  @Override
  public String label() {
    return "gemm " + m + "x" + n + "x" + k;
  }

  @Override
  public String family() {
    return "gemm";
  }

  @Override
  public double flops() {
    return 2.0 * m * n * k;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(new long[] {m, k}, new long[] {n, k}, new long[] {n});
  }

  @Override
  public long[] output() {
    return new long[] {m, n};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    GemmProblem problem = problem();
    return () -> kernels.gemm().gemm(problem, in.get(0), in.get(1), in.get(2), out);
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
    PackedWeight w = new PackedWeight(precision, n, 1, k);
    Buffer packed = OpCase.packed(kernels, w, in.get(1), arena);
    return () -> kernels.packed().product(w, m, in.get(0), packed, DType.F32, in.get(2), out);
  }

  @Override
  public Map<String, Object> request() {
    return Map.of("op", "linear", "m", m, "n", n, "k", k);
  }
}
