package dev.viridian.kernels.cpu;

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
  final HostBuffer lse;
  final HostBuffer dOut;
  final HostBuffer dq;
  final HostBuffer dk;
  final HostBuffer dv;
  final HostBuffer tangentQ;
  final HostBuffer tangentK;
  final HostBuffer tangentV;
  // Null where a case goes without.
  @Nullable HostBuffer mask;
  @Nullable HostBuffer columnWeights;
  @Nullable HostBuffer columnMap;
  @Nullable HostBuffer dColumnMap;

  AttentionCase(
      Random random, int batch, int heads, int queries, int keys, int dim, boolean causal) {
    p =
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
            new Strides((long) queries * keys, 0, keys));
    long sizeQ = (long) batch * heads * queries * dim;
    long sizeK = (long) batch * heads * keys * dim;
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
    kernels.attention().forward(p, q, k, v, mask, columnWeights, out, lse, columnMap);
  }

  void backward(Kernels kernels) {
    kernels
        .attention()
        .backward(p, q, k, v, mask, columnWeights, out, lse, dOut, dColumnMap, dq, dk, dv);
  }

  /** ⟨out, dOut⟩ + ⟨columnMap, dColumnMap⟩ a step along the tangents. */
  double loss(Kernels kernels, double step) {
    HostBuffer result = Floats.zeros(Floats.count(out));
    HostBuffer map = Floats.zeros(Floats.count(columnMap));
    kernels
        .attention()
        .forward(
            p,
            moved(q, tangentQ, step),
            moved(k, tangentK, step),
            moved(v, tangentV, step),
            mask,
            columnWeights,
            result,
            null,
            map);
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
