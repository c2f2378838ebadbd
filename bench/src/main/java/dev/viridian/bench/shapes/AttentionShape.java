package dev.viridian.bench.shapes;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.Precision;
import dev.viridian.kernels.memory.Buffer;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** Attention on [1, l, heads·d]: queries, keys, heads, values of a head. */
public enum AttentionShape implements OpCase {
  /** Self-attention of the first level. */
  Q4096_K4096_H8_D40(4096, 4096, 8, 40),
  /** Self-attention of the second level. */
  Q1024_K1024_H8_D80(1024, 1024, 8, 80),
  /** Self-attention of the third level. */
  Q256_K256_H8_D160(256, 256, 8, 160),
  /** The first level looks at the text. */
  Q4096_K77_H8_D40(4096, 77, 8, 40),
  /** The second level looks at the text. */
  Q1024_K77_H8_D80(1024, 77, 8, 80),
  /** The autoencoder's. */
  Q4096_K4096_H1_D512(4096, 4096, 1, 512);

  private final int queries;
  private final int keys;
  private final int heads;
  private final int dim;

  AttentionShape(int queries, int keys, int heads, int dim) {
    this.queries = queries;
    this.keys = keys;
    this.heads = heads;
    this.dim = dim;
  }

  /** The kernel's problem. */
  public AttentionProblem problem() {
    return problem(queries);
  }

  /** The same with another number of queries. */
  public AttentionProblem problem(int otherQueries) {
    return AttentionProblem.blhd(1, heads, otherQueries, keys, dim);
  }

  @Override
  public String label() {
    return "attention " + queries + "x" + keys + " " + heads + "x" + dim;
  }

  @Override
  public String family() {
    return "attention";
  }

  @Override
  public double flops() {
    return 4.0 * heads * queries * keys * dim;
  }

  @Override
  public List<long[]> inputs() {
    return List.<long[]>of(
        new long[] {1, queries, heads * dim},
        new long[] {1, keys, heads * dim},
        new long[] {1, keys, heads * dim});
  }

  @Override
  public long[] output() {
    return new long[] {1, queries, heads * dim};
  }

  @Override
  public Runnable call(Kernels kernels, List<? extends Buffer> in, Buffer out) {
    AttentionProblem problem = problem();
    return () ->
        kernels
            .attention()
            .forward(
                problem,
                new AttentionKernels.Inputs(in.get(0), in.get(1), in.get(2)),
                new AttentionKernels.Results(out));
  }

  /** In bfloat16: that is what it is in a UNet of bytes, too. */
  @Override
  public boolean has(Precision precision) {
    return precision != Precision.INT8;
  }

  @Override
  public Runnable call(
      Kernels kernels, Precision precision, List<? extends Buffer> in, Buffer out, Arena arena) {
    if (precision == Precision.F32) {
      return call(kernels, in, out);
    }
    AttentionProblem problem = problem();
    AttentionKernels.Inputs inputs = new AttentionKernels.Inputs(in.get(0), in.get(1), in.get(2));
    AttentionKernels.Results results = new AttentionKernels.Results(out);
    return () -> kernels.attention().forwardRounded(problem, inputs, results);
  }

  @Override
  public Map<String, Object> request() {
    return Map.of("op", "attention", "queries", queries, "keys", keys, "heads", heads, "dim", dim);
  }
}
