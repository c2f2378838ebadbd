package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Attention by plain loops, one row of scores at a time, summed in double. A row whose keys are all
 * masked by −∞ attends to nothing: its output and gradients are 0.
 */
public final class ReferenceAttention implements AttentionKernels {
  private static final int QUERIES = 16;

  private final Workers workers;

  /** Kernels that share the given threads. */
  public ReferenceAttention(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      @Nullable Buffer lse,
      @Nullable Buffer columnMap) {
    Inputs in = new Inputs(p, q, k, v, mask, columnWeights);
    int blocks = Math.ceilDiv(p.queries(), QUERIES);
    workers.run(
        Math.multiplyExact(p.batch(), blocks),
        tile -> {
          int first = tile % blocks * QUERIES;
          for (int i = first; i < Math.min(first + QUERIES, p.queries()); i++) {
            forwardQuery(
                in, tile / blocks, i, HostBuffer.of(out), segment(lse), segment(columnMap));
          }
        });
  }

  /** Everything rounded that may be, however far apart a row's scores are. */
  @Override
  public void forwardRounded(AttentionProblem p, Buffer q, Buffer k, Buffer v, Buffer out) {
    Inputs in = new Inputs(p, q, k, v, null, null);
    workers.run(
        Math.multiplyExact(p.batch(), p.queries()),
        task -> {
          for (int head = 0; head < p.heads(); head++) {
            roundedRow(in, task / p.queries(), head, task % p.queries(), HostBuffer.of(out));
          }
        });
  }

  private static void roundedRow(Inputs in, int batch, int head, int query, MemorySegment out) {
    AttentionProblem p = in.p;
    float[] left = new float[p.headDim()];
    float[] right = new float[p.headDim()];
    in.read(in.q, p.q(), batch, head, query, left);
    float factor = p.scale() * (float) (1 / Math.log(2));
    for (int i = 0; i < left.length; i++) {
      left[i] *= factor;
    }
    round(left);
    double[] row = new double[p.causal() ? Math.min(query + 1, p.keys()) : p.keys()];
    double greatest = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < row.length; j++) {
      in.read(in.k, p.k(), batch, head, j, right);
      round(right);
      row[j] = dot(left, right);
      greatest = Math.max(greatest, row[j]);
    }
    double[] sum = new double[p.headDim()];
    double all = 0;
    for (int j = 0; j < row.length; j++) {
      float weight = rounded((float) Math.pow(2, row[j] - Math.ceil(greatest)));
      in.read(in.v, p.v(), batch, head, j, right);
      round(right);
      ReferenceGemm.addScaled(sum, 0, weight, right, 0, sum.length);
      all += weight;
    }
    for (int i = 0; i < sum.length; i++) {
      Numbers.set(out, at(p.out(), batch, head, query) + i, (float) (sum[i] / all));
    }
  }

  private static void round(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = rounded(values[i]);
    }
  }

  private static float rounded(float value) {
    return Numbers.bf16ToFloat(Numbers.floatToBf16(value));
  }

  private static @Nullable MemorySegment segment(@Nullable Buffer buffer) {
    return buffer == null ? null : HostBuffer.of(buffer);
  }

  private static void forwardQuery(
      Inputs in,
      int batch,
      int query,
      MemorySegment out,
      @Nullable MemorySegment lse,
      @Nullable MemorySegment columnMap) {
    AttentionProblem p = in.p;
    double column = 0;
    for (int head = 0; head < p.heads(); head++) {
      double[] row = in.scores(batch, head, query);
      double logSum = logSumExp(row);
      double[] sum = new double[p.headDim()];
      float[] value = new float[p.headDim()];
      for (int j = 0; j < row.length; j++) {
        double probability = probability(row[j], logSum);
        in.read(in.v, p.v(), batch, head, j, value);
        ReferenceGemm.addScaled(sum, 0, probability, value, 0, sum.length);
        column += probability * in.columnWeight(batch, j);
      }
      long at = at(p.out(), batch, head, query);
      for (int i = 0; i < sum.length; i++) {
        Numbers.set(out, at + i, (float) sum[i]);
      }
      if (lse != null) {
        Numbers.set(lse, rowOf(p, batch, head, query), (float) logSum);
      }
    }
    if (columnMap != null) {
      Numbers.set(columnMap, (long) batch * p.queries() + query, (float) (column / p.heads()));
    }
  }

  private static double logSumExp(double[] row) {
    double max = Double.NEGATIVE_INFINITY;
    for (double s : row) {
      max = Math.max(max, s);
    }
    if (max == Double.NEGATIVE_INFINITY) {
      return max;
    }
    double sum = 0;
    for (double s : row) {
      sum += Math.exp(s - max);
    }
    return max + Math.log(sum);
  }

  private static double probability(double score, double logSum) {
    return logSum == Double.NEGATIVE_INFINITY ? 0 : Math.exp(score - logSum);
  }

  private static long at(Strides strides, int batch, int head, int token) {
    return batch * strides.batch() + head * strides.head() + token * strides.token();
  }

  private static long rowOf(AttentionProblem p, int batch, int head, int query) {
    return ((long) batch * p.heads() + head) * p.queries() + query;
  }

  @Override
  public void backward(
      AttentionProblem p,
      Buffer q,
      Buffer k,
      Buffer v,
      @Nullable Buffer mask,
      @Nullable Buffer columnWeights,
      Buffer out,
      Buffer lse,
      Buffer dOut,
      @Nullable Buffer dColumnMap,
      Buffer dq,
      Buffer dk,
      Buffer dv) {
    Inputs in = new Inputs(p, q, k, v, mask, columnWeights);
    workers.run(
        Math.multiplyExact(p.batch(), p.heads()),
        tile -> {
          int batch = tile / p.heads();
          int head = tile % p.heads();
          int size = Math.multiplyExact(p.keys(), p.headDim());
          double[] sumK = new double[size];
          double[] sumV = new double[size];
          for (int i = 0; i < p.queries(); i++) {
            double g =
                dColumnMap == null
                    ? 0
                    : Numbers.get(HostBuffer.of(dColumnMap), (long) batch * p.queries() + i)
                        / (double) p.heads();
            backwardQuery(
                in,
                batch,
                head,
                i,
                segment(out),
                segment(lse),
                segment(dOut),
                g,
                segment(dq),
                sumK,
                sumV);
          }
          for (int j = 0; j < p.keys(); j++) {
            for (int i = 0; i < p.headDim(); i++) {
              int from = j * p.headDim() + i;
              Numbers.set(segment(dk), at(p.k(), batch, head, j) + i, (float) sumK[from]);
              Numbers.set(segment(dv), at(p.v(), batch, head, j) + i, (float) sumV[from]);
            }
          }
        });
  }

  private static void backwardQuery(
      Inputs in,
      int batch,
      int head,
      int query,
      MemorySegment out,
      MemorySegment lse,
      MemorySegment dOut,
      double g,
      MemorySegment dq,
      double[] sumK,
      double[] sumV) {
    AttentionProblem p = in.p;
    int dim = p.headDim();
    double[] row = in.scores(batch, head, query);
    double logSum = Numbers.get(lse, rowOf(p, batch, head, query));
    float[] gradient = new float[dim];
    float[] other = new float[dim];
    in.read(dOut, p.out(), batch, head, query, gradient);
    in.read(out, p.out(), batch, head, query, other);
    double correction = dot(gradient, other);
    for (int j = 0; j < row.length; j++) {
      row[j] = probability(row[j], logSum);
      correction += g * in.columnWeight(batch, j) * row[j];
    }
    float[] q = new float[dim];
    in.read(in.q, p.q(), batch, head, query, q);
    double[] sumQ = new double[dim];
    for (int j = 0; j < row.length; j++) {
      ReferenceGemm.addScaled(sumV, j * dim, row[j], gradient, 0, dim);
      in.read(in.v, p.v(), batch, head, j, other);
      double dScore =
          row[j] * (dot(gradient, other) + g * in.columnWeight(batch, j) - correction) * p.scale();
      in.read(in.k, p.k(), batch, head, j, other);
      ReferenceGemm.addScaled(sumQ, 0, dScore, other, 0, dim);
      ReferenceGemm.addScaled(sumK, j * dim, dScore, q, 0, dim);
    }
    for (int i = 0; i < dim; i++) {
      Numbers.set(dq, at(p.q(), batch, head, query) + i, (float) sumQ[i]);
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static final class Inputs {
    final AttentionProblem p;
    final MemorySegment q;
    final MemorySegment k;
    final MemorySegment v;
    final @Nullable MemorySegment mask;
    final @Nullable MemorySegment columnWeights;

    Inputs(
        AttentionProblem p,
        Buffer q,
        Buffer k,
        Buffer v,
        @Nullable Buffer mask,
        @Nullable Buffer columnWeights) {
      this.p = p;
      this.q = HostBuffer.of(q);
      this.k = HostBuffer.of(k);
      this.v = HostBuffer.of(v);
      this.mask = segment(mask);
      this.columnWeights = segment(columnWeights);
    }

    void read(MemorySegment from, Strides strides, int batch, int head, int token, float[] values) {
      Numbers.read(from, DType.F32, at(strides, batch, head, token), 1, values, 0, values.length);
    }

    double columnWeight(int batch, int key) {
      return columnWeights == null ? 0 : Numbers.get(columnWeights, (long) batch * p.keys() + key);
    }

    /** The scaled, masked scores of one query with the keys that it may see. */
    double[] scores(int batch, int head, int query) {
      float[] left = new float[p.headDim()];
      float[] right = new float[p.headDim()];
      read(q, p.q(), batch, head, query, left);
      double[] row = new double[p.causal() ? Math.min(query + 1, p.keys()) : p.keys()];
      for (int j = 0; j < row.length; j++) {
        read(k, p.k(), batch, head, j, right);
        row[j] = p.scale() * dot(left, right);
        if (mask != null) {
          row[j] += Numbers.get(mask, at(p.mask(), batch, head, query) + j);
        }
      }
      return row;
    }
  }
}
