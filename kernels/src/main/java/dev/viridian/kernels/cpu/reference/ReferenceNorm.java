package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Normalisations by plain loops, accumulated in double. */
public final class ReferenceNorm implements NormKernels {
  /** The values that share one mean: {@code rows} runs of {@code width}, {@code step} apart. */
  private record Patch(long start, long rows, int width, long step) {
    long count() {
      return rows * width;
    }

    double mean(MemorySegment x) {
      double sum = 0;
      for (long r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
          sum += Numbers.get(x, start + r * step + i);
        }
      }
      return sum / count();
    }

    double variance(MemorySegment x, double mean) {
      double sum = 0;
      for (long r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
          double d = Numbers.get(x, start + r * step + i) - mean;
          sum += d * d;
        }
      }
      return sum / count();
    }

    /** {@code channel}: the parameter of the first value of a run. */
    void normalize(
        MemorySegment x,
        double mean,
        double rstd,
        double[] gamma,
        double[] beta,
        int channel,
        boolean silu,
        MemorySegment y) {
      for (long r = 0; r < rows; r++) {
        for (int i = 0; i < width; i++) {
          long at = start + r * step + i;
          double z = (Numbers.get(x, at) - mean) * rstd * gamma[channel + i] + beta[channel + i];
          Numbers.set(y, at, silu ? z * SpecialFunctions.sigmoid(z) : z);
        }
      }
    }
  }

  /** The first n numbers of a parameter, or n times {@code absent} if there is none. */
  private static double[] parameter(@Nullable Buffer b, DType type, int n, double absent) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = b == null ? absent : Numbers.get(HostBuffer.of(b), type, i);
    }
    return values;
  }

  /** What writes F32 numbers. */
  @FunctionalInterface
  private interface Floats {
    void write(MemorySegment to);
  }

  /** Writes numbers as what a type says. */
  private static void write(DType type, long count, MemorySegment to, Floats floats) {
    if (type == DType.F32) {
      floats.write(to);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(4 * count + 4, 64);
      floats.write(all);
      for (long i = 0; i < count; i++) {
        to.set(Numbers.SHORT, 2 * i, Numbers.floatToBf16(Numbers.get(all, i)));
      }
    }
  }

  @Override
  public void groupNorm(GroupNorm p, Forward b) {
    long count = (long) p.n() * p.spatial() * p.channels();
    write(p.y(), count, HostBuffer.of(b.y()), out -> groupNorm(p, b, out));
  }

  private static void groupNorm(GroupNorm p, Forward b, MemorySegment out) {
    MemorySegment in = HostBuffer.of(b.x());
    double[] scale = parameter(b.gamma(), p.parameters(), p.channels(), 1);
    double[] shift = parameter(b.beta(), p.parameters(), p.channels(), 0);
    int width = p.channels() / p.groups();
    for (long at = 0; at < (long) p.n() * p.groups(); at++) {
      int group = (int) (at % p.groups());
      Patch patch = patch(p, at);
      double m = patch.mean(in);
      double r = 1 / Math.sqrt(patch.variance(in, m) + p.eps());
      boolean silu = p.activation() == Activation.SILU;
      patch.normalize(in, m, r, scale, shift, group * width, silu, out);
      store(b, at, m, r);
    }
  }

  private static void store(Forward b, long at, double mean, double rstd) {
    if (b.mean() != null && b.rstd() != null) {
      Numbers.set(HostBuffer.of(b.mean()), at, mean);
      Numbers.set(HostBuffer.of(b.rstd()), at, rstd);
    }
  }

  /** The values of group {@code at} of n · groups. */
  private static Patch patch(GroupNorm p, long at) {
    int width = p.channels() / p.groups();
    long start = at / p.groups() * p.spatial() * p.channels() + at % p.groups() * width;
    return new Patch(start, p.spatial(), width, p.channels());
  }

  /**
   * The gradients of patches, one after the other, their statistics included: with {@code g = γ
   * dz}, {@code dx = rstd (g − mean(g) − x̂ mean(g x̂))}; γ and β gain Σ dz x̂ and Σ dz.
   */
  private static final class PatchGradient {
    final double[] gamma;
    final double[] beta;
    final double[] dGamma;
    final double[] dBeta;
    final boolean silu;
    final boolean dependent;
    final Backward b;
    final MemorySegment x;
    final MemorySegment dy;
    final @Nullable MemorySegment dx;

    /** {@code dependent}: whether the statistics are the patch's own and so depend on x. */
    PatchGradient(double[] gamma, double[] beta, boolean silu, boolean dependent, Backward b) {
      this.gamma = gamma;
      this.beta = beta;
      this.dGamma = new double[gamma.length];
      this.dBeta = new double[gamma.length];
      this.silu = silu;
      this.dependent = dependent;
      this.b = b;
      this.x = HostBuffer.of(b.x());
      this.dy = HostBuffer.of(b.dy());
      this.dx = b.dx() == null ? null : HostBuffer.of(b.dx());
    }

    private double dz(long at, double xhat, int channel) {
      double d = Numbers.get(dy, at);
      double z = xhat * gamma[channel] + beta[channel];
      return silu ? d * SpecialFunctions.siluDerivative(z) : d;
    }

    /**
     * Adds one patch.
     *
     * @param channel the parameter of the first value of its runs
     * @param index of its statistics
     */
    void run(Patch patch, int channel, long index) {
      double mean = Numbers.get(HostBuffer.of(b.mean()), index);
      double rstd = Numbers.get(HostBuffer.of(b.rstd()), index);
      double sum = 0;
      double dot = 0;
      for (long r = 0; r < patch.rows; r++) {
        for (int i = 0; i < patch.width; i++) {
          long at = patch.start + r * patch.step + i;
          double xhat = (Numbers.get(x, at) - mean) * rstd;
          double dz = dz(at, xhat, channel + i);
          dGamma[channel + i] += dz * xhat;
          dBeta[channel + i] += dz;
          sum += gamma[channel + i] * dz;
          dot += gamma[channel + i] * dz * xhat;
        }
      }
      if (dx == null) {
        return;
      }
      for (long r = 0; r < patch.rows; r++) {
        for (int i = 0; i < patch.width; i++) {
          long at = patch.start + r * patch.step + i;
          double xhat = (Numbers.get(x, at) - mean) * rstd;
          double g = gamma[channel + i] * dz(at, xhat, channel + i);
          double own = dependent ? (sum + xhat * dot) / patch.count() : 0;
          Numbers.set(dx, at, rstd * (g - own));
        }
      }
    }

    /** Writes the parameters' gradients. */
    void store() {
      Numbers.store(dGamma, b.dGamma());
      Numbers.store(dBeta, b.dBeta());
    }
  }

  @Override
  public void groupNormBackward(GroupNorm p, Backward b) {
    PatchGradient gradient =
        new PatchGradient(
            parameter(b.gamma(), p.parameters(), p.channels(), 1),
            parameter(b.beta(), p.parameters(), p.channels(), 0),
            p.activation() == Activation.SILU,
            true,
            b);
    int width = p.channels() / p.groups();
    for (long at = 0; at < (long) p.n() * p.groups(); at++) {
      gradient.run(patch(p, at), (int) (at % p.groups()) * width, at);
    }
    gradient.store();
  }

  /** The values of one row. */
  private static Patch row(LayerNorm p, long row) {
    return new Patch(row * p.cols(), 1, p.cols(), p.cols());
  }

  @Override
  public void layerNorm(LayerNorm p, Forward b) {
    long count = p.rows() * p.cols();
    write(p.y(), count, HostBuffer.of(b.y()), out -> layerNorm(p, b, out));
  }

  private static void layerNorm(LayerNorm p, Forward b, MemorySegment out) {
    MemorySegment in = HostBuffer.of(b.x());
    double[] scale = parameter(b.gamma(), p.parameters(), p.cols(), 1);
    double[] shift = parameter(b.beta(), p.parameters(), p.cols(), 0);
    for (long row = 0; row < p.rows(); row++) {
      Patch patch = row(p, row);
      double m = patch.mean(in);
      double r = 1 / Math.sqrt(patch.variance(in, m) + p.eps());
      patch.normalize(in, m, r, scale, shift, 0, false, out);
      store(b, row, m, r);
    }
  }

  @Override
  public void layerNormBackward(LayerNorm p, Backward b) {
    PatchGradient gradient =
        new PatchGradient(
            parameter(b.gamma(), p.parameters(), p.cols(), 1),
            new double[p.cols()],
            false,
            true,
            b);
    for (long row = 0; row < p.rows(); row++) {
      gradient.run(row(p, row), 0, row);
    }
    gradient.store();
  }

  /** The values of one channel. */
  private static Patch channel(BatchNorm p, int channel) {
    return new Patch(channel, p.rows(), 1, p.channels());
  }

  @Override
  public void batchNormTraining(BatchNorm p, Forward b, Running running) {
    p.requireVariance();
    MemorySegment in = HostBuffer.of(b.x());
    double[] means = new double[p.channels()];
    double[] rstds = new double[p.channels()];
    for (int c = 0; c < p.channels(); c++) {
      Patch patch = channel(p, c);
      means[c] = patch.mean(in);
      double variance = patch.variance(in, means[c]);
      rstds[c] = 1 / Math.sqrt(variance + p.eps());
      store(b, c, means[c], rstds[c]);
      move(HostBuffer.of(running.mean()), c, p.momentum(), means[c]);
      double unbiased = variance * p.rows() / (p.rows() - 1);
      move(HostBuffer.of(running.variance()), c, p.momentum(), unbiased);
    }
    normalize(p, means, rstds, b);
  }

  private static void move(MemorySegment running, int c, double momentum, double value) {
    Numbers.set(running, c, (1 - momentum) * Numbers.get(running, c) + momentum * value);
  }

  private static void normalize(BatchNorm p, double[] means, double[] rstds, Forward b) {
    double[] scale = parameter(b.gamma(), DType.F32, p.channels(), 1);
    double[] shift = parameter(b.beta(), DType.F32, p.channels(), 0);
    MemorySegment in = HostBuffer.of(b.x());
    MemorySegment out = HostBuffer.of(b.y());
    for (int c = 0; c < p.channels(); c++) {
      channel(p, c).normalize(in, means[c], rstds[c], scale, shift, c, false, out);
    }
  }

  @Override
  public void batchNormInference(BatchNorm p, Forward b, Running stored) {
    double[] means = parameter(stored.mean(), DType.F32, p.channels(), 0);
    double[] rstds = parameter(stored.variance(), DType.F32, p.channels(), 1);
    for (int c = 0; c < p.channels(); c++) {
      rstds[c] = 1 / Math.sqrt(rstds[c] + p.eps());
    }
    normalize(p, means, rstds, b);
  }

  @Override
  public void batchNormBackward(BatchNorm p, boolean training, Backward b) {
    PatchGradient gradient =
        new PatchGradient(
            parameter(b.gamma(), DType.F32, p.channels(), 1),
            new double[p.channels()],
            false,
            training,
            b);
    for (int c = 0; c < p.channels(); c++) {
      gradient.run(channel(p, c), c, c);
    }
    gradient.store();
  }
}
