package dev.viridian.bench.shapes;

import dev.viridian.kernels.DType;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.Map;

/** Layer normalisation before attention and feed-forward: tokens, channels. */
public enum LayerNormShape implements OpCase {
  /** First level. */
  R4096_C320(4096, 320),
  /** Second level. */
  R1024_C640(1024, 640),
  /** Third level. */
  R256_C1280(256, 1280),
  /** The text encoder's. */
  R77_C768(77, 768);

  private static final float EPS = 1e-5f;

  /** Operations an element: mean, variance, scale and shift. */
  private static final int FLOPS = 6;

  private final int rows;
  private final int cols;

  LayerNormShape(int rows, int cols) {
    this.rows = rows;
    this.cols = cols;
  }

  /** The kernel's problem. */
  public NormKernels.LayerNorm problem() {
    return new NormKernels.LayerNorm(rows, cols, EPS, DType.F32);
  }

  @Override
  public String label() {
    return "layerNorm " + rows + "x" + cols;
  }

  @Override
  public String family() {
    return "norm";
  }

  @Override
  public double flops() {
    return (double) FLOPS * rows * cols;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(new long[] {rows, cols}, new long[] {cols}, new long[] {cols});
  }

  @Override
  public long[] output() {
    return new long[] {rows, cols};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    NormKernels.LayerNorm problem = problem();
    return () ->
        kernels
            .norm()
            .layerNorm(problem, new NormKernels.Forward(in.get(0), in.get(1), in.get(2), out));
  }

  @Override
  public Map<String, Object> request() {
    return Map.of("op", "layer_norm", "rows", rows, "cols", cols);
  }
}
