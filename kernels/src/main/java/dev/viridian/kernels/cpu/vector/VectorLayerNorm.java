package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.NormKernels.LayerNorm;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Layer normalisation: rows that fit the first cache, many to a task. */
final class VectorLayerNorm {
  private static final int LANES = FLOATS.length();

  /** About how many numbers a task reads. */
  private static final int TASK = 32_768;

  private VectorLayerNorm() {}

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(FLOATS, x, at);
  }

  private static int rowsOfTask(LayerNorm p) {
    return Math.max(1, TASK / p.cols());
  }

  private static int tasks(LayerNorm p) {
    return Math.toIntExact(Math.ceilDiv(p.rows(), (long) rowsOfTask(p)));
  }

  static void forward(
      Workers workers,
      LayerNorm p,
      MemorySegment x,
      float[] gamma,
      float[] beta,
      MemorySegment y,
      @Nullable MemorySegment means,
      @Nullable MemorySegment rstds) {
    int n = p.cols();
    int rows = rowsOfTask(p);
    workers.run(
        tasks(p),
        task -> {
          float[] row = Scratch.get(Scratch.Part.FIRST, n);
          long last = Math.min(p.rows(), (task + 1L) * rows);
          for (long r = (long) task * rows; r < last; r++) {
            FloatRuns.readFloats(x, r * n, row, 0, n);
            float pivot = (float) (RowMath.sum(row, n) / n);
            RowMath.subtract(row, n, pivot);
            // what rounding left of the mean
            double rest = RowMath.sum(row, n) / n;
            double variance = Math.max(0, RowMath.dot(row, row, n) / n - rest * rest);
            float rstd = (float) (1 / Math.sqrt(variance + p.eps()));
            scale(row, n, (float) rest, rstd, gamma, beta);
            MemorySegment.copy(row, 0, y, Numbers.FLOAT, r * n * Float.BYTES, n);
            if (means != null && rstds != null) {
              Numbers.set(means, r, pivot + rest);
              Numbers.set(rstds, r, rstd);
            }
          }
        });
  }

  /** {@code row = (row − mean) · rstd · gamma + beta}. */
  private static void scale(
      float[] row, int n, float mean, float rstd, float[] gamma, float[] beta) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      load(row, i).sub(mean).mul(rstd).fma(load(gamma, i), load(beta, i)).intoArray(row, i);
    }
    for (; i < n; i++) {
      row[i] = Math.fma((row[i] - mean) * rstd, gamma[i], beta[i]);
    }
  }

  /** With {@code g = gamma dy}: {@code dx = rstd (g − mean(g) − x̂ mean(g x̂))}. */
  static void backward(
      Workers workers,
      LayerNorm p,
      MemorySegment x,
      float[] gamma,
      MemorySegment means,
      MemorySegment rstds,
      MemorySegment dy,
      @Nullable MemorySegment dx,
      double @Nullable [] dGamma,
      double @Nullable [] dBeta) {
    int n = p.cols();
    int rows = rowsOfTask(p);
    int tasks = tasks(p);
    float[][] partGamma = new float[tasks][];
    float[][] partBeta = new float[tasks][];
    workers.run(
        tasks,
        task -> {
          float[] xhat = Scratch.get(Scratch.Part.FIRST, n);
          float[] g = Scratch.get(Scratch.Part.SECOND, n);
          float[] sumGamma = new float[n];
          float[] sumBeta = new float[n];
          long last = Math.min(p.rows(), (task + 1L) * rows);
          for (long r = (long) task * rows; r < last; r++) {
            float rstd = Numbers.get(rstds, r);
            FloatRuns.readFloats(x, r * n, xhat, 0, n);
            FloatRuns.readFloats(dy, r * n, g, 0, n);
            prepare(xhat, g, n, Numbers.get(means, r), rstd, gamma, sumGamma, sumBeta);
            if (dx != null) {
              float sum = (float) (RowMath.sum(g, n) / n);
              float dot = (float) (RowMath.dot(g, xhat, n) / n);
              for (int i = 0; i < n; i++) {
                g[i] = rstd * (g[i] - sum - xhat[i] * dot);
              }
              MemorySegment.copy(g, 0, dx, Numbers.FLOAT, r * n * Float.BYTES, n);
            }
          }
          partGamma[task] = sumGamma;
          partBeta[task] = sumBeta;
        });
    addUp(partGamma, dGamma);
    addUp(partBeta, dBeta);
  }

  private static void addUp(float[][] parts, double @Nullable [] sum) {
    if (sum != null) {
      Arrays.fill(sum, 0);
      for (float[] part : parts) {
        for (int i = 0; i < sum.length; i++) {
          sum[i] += part[i];
        }
      }
    }
  }

  /** x becomes x̂, dy becomes gamma dy; the parameters' gradients are added to. */
  private static void prepare(
      float[] x,
      float[] dy,
      int n,
      float mean,
      float rstd,
      float[] gamma,
      float[] sumGamma,
      float[] sumBeta) {
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      FloatVector xhat = load(x, i).sub(mean).mul(rstd);
      FloatVector d = load(dy, i);
      d.fma(xhat, load(sumGamma, i)).intoArray(sumGamma, i);
      load(sumBeta, i).add(d).intoArray(sumBeta, i);
      xhat.intoArray(x, i);
      d.mul(load(gamma, i)).intoArray(dy, i);
    }
    for (; i < n; i++) {
      x[i] = (x[i] - mean) * rstd;
      sumGamma[i] = Math.fma(dy[i], x[i], sumGamma[i]);
      sumBeta[i] += dy[i];
      dy[i] *= gamma[i];
    }
  }
}
