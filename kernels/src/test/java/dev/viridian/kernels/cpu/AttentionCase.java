package dev.viridian.kernels.cpu;

import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Inputs;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.memory.HostBuffer;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Random inputs of one attention problem: q as [b, l, h, d], k and v as [b, h, l, d], masked. */
final class AttentionCase {
  final AttentionProblem p;
  final HostBuffer q;
  final HostBuffer k;
  final HostBuffer v;
  final HostBuffer out;
  final HostBuffer dOut;
  final HostBuffer dq;
  final HostBuffer dk;
  final HostBuffer dv;
  final HostBuffer tangentQ;
  final HostBuffer tangentK;
  final HostBuffer tangentV;
  // Null where a case goes without.
  @Nullable HostBuffer lse;
  @Nullable HostBuffer mask;
  @Nullable HostBuffer columnWeights;
  @Nullable HostBuffer columnMap;
  @Nullable HostBuffer dColumnMap;

  AttentionCase(
      Random random, int batch, int heads, int queries, int keys, int dim, boolean causal) {
    this(
        random,
        new AttentionProblem(
            batch,
            heads,
            queries,
            keys,
            dim,
            (float) (1 / Math.sqrt(dim)),
            causal,
            Strides.blhd(queries, heads, dim),
            Strides.bhld(keys, heads, dim),
            Strides.bhld(keys, heads, dim),
            Strides.blhd(queries, heads, dim),
            new Strides((long) queries * keys, 0, keys)),
        (long) batch * heads * queries * dim,
        (long) batch * heads * keys * dim);
  }

  private AttentionCase(Random random, AttentionProblem problem, long sizeQ, long sizeK) {
    p = problem;
    int batch = p.batch();
    int heads = p.heads();
    int queries = p.queries();
    int keys = p.keys();
    q = Floats.random(random, sizeQ);
    k = Floats.random(random, sizeK);
    v = Floats.random(random, sizeK);
    out = Floats.filled(sizeQ, 7);
    lse = Floats.filled((long) batch * heads * queries, 7);
    dOut = Floats.random(random, sizeQ);
    dq = Floats.filled(sizeQ, 7);
    dk = Floats.filled(sizeK, 7);
    dv = Floats.filled(sizeK, 7);
    tangentQ = Floats.random(random, sizeQ);
    tangentK = Floats.random(random, sizeK);
    tangentV = Floats.random(random, sizeK);
    mask = Floats.random(random, (long) batch * queries * keys);
    columnWeights = Floats.random(random, (long) batch * keys);
    columnMap = Floats.filled((long) batch * queries, 7);
    dColumnMap = Floats.random(random, (long) batch * queries);
  }

  /** Two pictures and two heads, something between all tokens, heads and pictures; no mask. */
  static AttentionCase withGaps(Random random, int queries, int keys, int dim) {
    int token = 2 * dim + 5;
    Strides q = new Strides((long) queries * token + 3, dim + 1, token);
    Strides k = new Strides((long) keys * token + 7, dim + 2, token);
    AttentionProblem p =
        new AttentionProblem(
            2, 2, queries, keys, dim, 0.3f, false, q, k, k, q, new Strides(0, 0, 0));
    return new AttentionCase(random, p, 2 * q.batch(), 2 * k.batch()).withoutMask();
  }

  /** Neither mask nor columns. */
  AttentionCase plain() {
    return withoutMask().withoutColumns();
  }

  /** Nothing that only a backward pass would need. */
  AttentionCase withoutSums() {
    lse = null;
    return this;
  }

  AttentionCase withoutMask() {
    mask = null;
    return this;
  }

  AttentionCase withoutColumns() {
    columnWeights = null;
    columnMap = null;
    dColumnMap = null;
    return this;
  }

  void forward(Kernels kernels) {
    kernels
        .attention()
        .forward(p, new Inputs(q, k, v, mask, columnWeights), new Results(out, lse, columnMap));
  }

  void backward(Kernels kernels) {
    kernels
        .attention()
        .backward(
            p,
            new Inputs(q, k, v, mask, columnWeights),
            new Results(out, lse, null),
            new Gradients(dOut, dColumnMap, dq, dk, dv));
  }

  /** ⟨out, dOut⟩ + ⟨columnMap, dColumnMap⟩ a step along the tangents. */
  double loss(Kernels kernels, double step) {
    HostBuffer result = Floats.zeros(Floats.count(out));
    HostBuffer map = Floats.zeros(Floats.count(columnMap));
    kernels
        .attention()
        .forward(
            p,
            new Inputs(
                moved(q, tangentQ, step),
                moved(k, tangentK, step),
                moved(v, tangentV, step),
                mask,
                columnWeights),
            new Results(result, null, map));
    return Floats.dot(result, dOut) + Floats.dot(map, dColumnMap);
  }

  private static HostBuffer moved(HostBuffer from, HostBuffer tangent, double step) {
    HostBuffer result = Floats.zeros(Floats.count(from));
    for (long i = 0; i < Floats.count(from); i++) {
      float value = (float) (Floats.get(from, i) + step * Floats.get(tangent, i));
      Numbers.set(result.segment(), i, value);
    }
    return result;
  }
}
