package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.AttentionKernels;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.AttentionProblem.Strides;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.cpu.threads.Workers;
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
  public void forward(AttentionProblem p, Inputs in, Results to) {
    Rows rows = new Rows(p, in);
    int blocks = Math.ceilDiv(p.queries(), QUERIES);
    workers.run(
        Math.multiplyExact(p.batch(), blocks),
        tile -> {
          int first = tile % blocks * QUERIES;
          for (int i = first; i < Math.min(first + QUERIES, p.queries()); i++) {
            forwardQuery(rows, tile / blocks, i, to);
          }
        });
  }

  /** Everything rounded that may be, however far apart a row's scores are. */
  @Override
  public void forwardRounded(AttentionProblem p, Inputs in, Results to) {
    Rows rows = new Rows(p, in);
    workers.run(
        Math.multiplyExact(p.batch(), p.queries()),
        task -> {
          for (int head = 0; head < p.heads(); head++) {
            int query = task % p.queries();
            roundedRow(rows, task / p.queries(), head, query, HostBuffer.of(to.out()));
          }
        });
  }

  private static void roundedRow(Rows in, int batch, int head, int query, MemorySegment out) {
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

  private static void forwardQuery(Rows in, int batch, int query, Results to) {
    MemorySegment out = HostBuffer.of(to.out());
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
      if (to.lse() != null) {
        Numbers.set(HostBuffer.of(to.lse()), rowOf(p, batch, head, query), (float) logSum);
      }
    }
    if (to.columnMap() != null) {
      long at = (long) batch * p.queries() + query;
      Numbers.set(HostBuffer.of(to.columnMap()), at, (float) (column / p.heads()));
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
  public void backward(AttentionProblem p, Inputs in, Results of, Gradients g) {
    Rows rows = new Rows(p, in);
    workers.run(
        Math.multiplyExact(p.batch(), p.heads()),
        tile -> {
          int batch = tile / p.heads();
          int head = tile % p.heads();
          int size = Math.multiplyExact(p.keys(), p.headDim());
          double[] sumK = new double[size];
          double[] sumV = new double[size];
          for (int i = 0; i < p.queries(); i++) {
            backwardQuery(rows, batch, head, i, of, g, sumK, sumV);
          }
          for (int j = 0; j < p.keys(); j++) {
            for (int i = 0; i < p.headDim(); i++) {
              int from = j * p.headDim() + i;
              long key = at(p.k(), batch, head, j) + i;
              long value = at(p.v(), batch, head, j) + i;
              Numbers.set(HostBuffer.of(g.dk()), key, (float) sumK[from]);
              Numbers.set(HostBuffer.of(g.dv()), value, (float) sumV[from]);
            }
          }
        });
  }

  /** The column's gradient at a query, shared by its heads. */
  private static double columnGradient(AttentionProblem p, Gradients g, int batch, int query) {
    if (g.dColumnMap() == null) {
      return 0;
    }
    long at = (long) batch * p.queries() + query;
    return Numbers.get(HostBuffer.of(g.dColumnMap()), at) / (double) p.heads();
  }

  private static void backwardQuery(
      Rows in,
      int batch,
      int head,
      int query,
      Results of,
      Gradients gradients,
      double[] sumK,
      double[] sumV) {
    AttentionProblem p = in.p;
    int dim = p.headDim();
    double g = columnGradient(p, gradients, batch, query);
    double[] row = in.scores(batch, head, query);
    double logSum = Numbers.get(HostBuffer.of(of.lse()), rowOf(p, batch, head, query));
    float[] gradient = new float[dim];
    float[] other = new float[dim];
    in.read(HostBuffer.of(gradients.dOut()), p.out(), batch, head, query, gradient);
    in.read(HostBuffer.of(of.out()), p.out(), batch, head, query, other);
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
    MemorySegment dq = HostBuffer.of(gradients.dq());
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

  /** Inputs, row by row. */
  private static final class Rows {
    final AttentionProblem p;
    final MemorySegment q;
    final MemorySegment k;
    final MemorySegment v;
    final @Nullable MemorySegment mask;
    final @Nullable MemorySegment columnWeights;

    Rows(AttentionProblem p, Inputs in) {
      this.p = p;
      q = HostBuffer.of(in.q());
      k = HostBuffer.of(in.k());
      v = HostBuffer.of(in.v());
      mask = in.mask() == null ? null : HostBuffer.of(in.mask());
      columnWeights = in.columnWeights() == null ? null : HostBuffer.of(in.columnWeights());
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
