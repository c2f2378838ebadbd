package dev.viridian.bench.shapes;

import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;
import java.util.Map;

/** The gate of the feed-forward, [rows, 2·cols] to [rows, cols]. */
public enum GegluShape implements OpCase {
  /** First level. */
  R4096_C1280(4096, 1280),
  /** Second level. */
  R1024_C2560(1024, 2560),
  /** Third level. */
  R256_C5120(256, 5120);

  /** Operations an element: the error function taken as eight. */
  private static final int FLOPS = 12;

  private final int rows;
  private final int cols;

  GegluShape(int rows, int cols) {
    this.rows = rows;
    this.cols = cols;
  }

  @Override
  public String label() {
    return "geglu " + rows + "x" + cols;
  }

  @Override
  public String family() {
    return "pointwise";
  }

  @Override
  public double flops() {
    return (double) FLOPS * rows * cols;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(new long[] {rows, 2L * cols});
  }

  @Override
  public long[] output() {
    return new long[] {rows, cols};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    return () -> kernels.pointwise().geglu(rows, cols, in.getFirst(), out);
  }

  @Override
  public Map<String, Object> request() {
    return Map.of("op", "geglu", "rows", rows, "cols", cols);
  }
}
