package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
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
  private static double[] parameter(@Nullable MemorySegment s, DType type, int n, double absent) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = s == null ? absent : Numbers.get(s, type, i);
    }
    return values;
  }

  private static void store(double[] values, @Nullable MemorySegment s) {
    if (s != null) {
      for (int i = 0; i < values.length; i++) {
        Numbers.set(s, i, values[i]);
      }
    }
  }

  private static @Nullable MemorySegment segment(@Nullable Buffer b) {
    return b == null ? null : HostBuffer.of(b);
  }

  @Override
  public void groupNorm(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    double[] scale = parameter(segment(gamma), p.parameters(), p.channels(), 1);
    double[] shift = parameter(segment(beta), p.parameters(), p.channels(), 0);
    int width = p.channels() / p.groups();
    for (long at = 0; at < (long) p.n() * p.groups(); at++) {
      int group = (int) (at % p.groups());
      Patch patch = patch(p, at);
      double m = patch.mean(in);
      double r = 1 / Math.sqrt(patch.variance(in, m) + p.eps());
      boolean silu = p.activation() == Activation.SILU;
      patch.normalize(in, m, r, scale, shift, group * width, silu, out);
      if (mean != null && rstd != null) {
        Numbers.set(HostBuffer.of(mean), at, m);
        Numbers.set(HostBuffer.of(rstd), at, r);
      }
    }
  }

  /** The values of group {@code at} of n · groups. */
  private static Patch patch(GroupNorm p, long at) {
    int width = p.channels() / p.groups();
    long start = at / p.groups() * p.spatial() * p.channels() + at % p.groups() * width;
    return new Patch(start, p.spatial(), width, p.channels());
  }

  /**
   * The gradients of one patch, its own statistics included: with {@code g = γ dz}, {@code dx =
   * rstd (g − mean(g) − x̂ mean(g x̂))}; γ and β gain Σ dz x̂ and Σ dz.
   */
  private static final class PatchGradient {
    final double[] gamma;
    final double[] beta;
    final double[] dGamma;
    final double[] dBeta;
    final boolean silu;
    final MemorySegment x;
    final MemorySegment dy;
    final @Nullable MemorySegment dx;

    PatchGradient(
        double[] gamma, double[] beta, boolean silu, Buffer x, Buffer dy, @Nullable Buffer dx) {
      this.gamma = gamma;
      this.beta = beta;
      this.dGamma = new double[gamma.length];
      this.dBeta = new double[gamma.length];
      this.silu = silu;
      this.x = HostBuffer.of(x);
      this.dy = HostBuffer.of(dy);
      this.dx = segment(dx);
    }

    private double dz(long at, double xhat, int channel) {
      double d = Numbers.get(dy, at);
      double z = xhat * gamma[channel] + beta[channel];
      return silu ? d * SpecialFunctions.siluDerivative(z) : d;
    }

    void run(Patch patch, int channel, double mean, double rstd) {
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
          Numbers.set(dx, at, rstd * (g - (sum + xhat * dot) / patch.count()));
        }
      }
    }
  }

  @Override
  public void groupNormBackward(
      GroupNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    PatchGradient gradient =
        new PatchGradient(
            parameter(segment(gamma), p.parameters(), p.channels(), 1),
            parameter(segment(beta), p.parameters(), p.channels(), 0),
            p.activation() == Activation.SILU,
            x,
            dy,
            dx);
    int width = p.channels() / p.groups();
    for (long at = 0; at < (long) p.n() * p.groups(); at++) {
      gradient.run(
          patch(p, at),
          (int) (at % p.groups()) * width,
          Numbers.get(HostBuffer.of(mean), at),
          Numbers.get(HostBuffer.of(rstd), at));
    }
    store(gradient.dGamma, segment(dGamma));
    store(gradient.dBeta, segment(dBeta));
  }

  @Override
  public void layerNorm(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      @Nullable Buffer beta,
      Buffer y,
      @Nullable Buffer mean,
      @Nullable Buffer rstd) {
    MemorySegment in = HostBuffer.of(x);
    MemorySegment out = HostBuffer.of(y);
    double[] scale = parameter(segment(gamma), p.parameters(), p.cols(), 1);
    double[] shift = parameter(segment(beta), p.parameters(), p.cols(), 0);
    for (long row = 0; row < p.rows(); row++) {
      Patch patch = new Patch(row * p.cols(), 1, p.cols(), p.cols());
      double m = patch.mean(in);
      double r = 1 / Math.sqrt(patch.variance(in, m) + p.eps());
      patch.normalize(in, m, r, scale, shift, 0, false, out);
      if (mean != null && rstd != null) {
        Numbers.set(HostBuffer.of(mean), row, m);
        Numbers.set(HostBuffer.of(rstd), row, r);
      }
    }
  }

  @Override
  public void layerNormBackward(
      LayerNorm p,
      Buffer x,
      @Nullable Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    PatchGradient gradient =
        new PatchGradient(
            parameter(segment(gamma), p.parameters(), p.cols(), 1),
            new double[p.cols()],
            false,
            x,
            dy,
            dx);
    for (long row = 0; row < p.rows(); row++) {
      gradient.run(
          new Patch(row * p.cols(), 1, p.cols(), p.cols()),
          0,
          Numbers.get(HostBuffer.of(mean), row),
          Numbers.get(HostBuffer.of(rstd), row));
    }
    store(gradient.dGamma, segment(dGamma));
    store(gradient.dBeta, segment(dBeta));
  }

  /** The values of one channel. */
  private static Patch channel(BatchNorm p, int channel) {
    return new Patch(channel, p.rows(), 1, p.channels());
  }

  @Override
  public void batchNormTraining(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y,
      Buffer mean,
      Buffer rstd) {
    if (p.rows() < 2) {
      throw new IllegalArgumentException(
          "batchNormTraining: one value per channel has no variance, rows must be at least 2");
    }
    MemorySegment in = HostBuffer.of(x);
    for (int c = 0; c < p.channels(); c++) {
      Patch patch = channel(p, c);
      double m = patch.mean(in);
      double variance = patch.variance(in, m);
      double r = 1 / Math.sqrt(variance + p.eps());
      Numbers.set(HostBuffer.of(mean), c, m);
      Numbers.set(HostBuffer.of(rstd), c, r);
      move(HostBuffer.of(runningMean), c, p.momentum(), m);
      double unbiased = variance * p.rows() / (p.rows() - 1);
      move(HostBuffer.of(runningVariance), c, p.momentum(), unbiased);
      normalizeChannel(p, c, in, m, r, gamma, beta, y);
    }
  }

  private static void move(MemorySegment running, int c, double momentum, double value) {
    Numbers.set(running, c, (1 - momentum) * Numbers.get(running, c) + momentum * value);
  }

  private static void normalizeChannel(
      BatchNorm p,
      int c,
      MemorySegment x,
      double mean,
      double rstd,
      Buffer gamma,
      Buffer beta,
      Buffer y) {
    double[] scale = {Numbers.get(HostBuffer.of(gamma), c)};
    double[] shift = {Numbers.get(HostBuffer.of(beta), c)};
    channel(p, c).normalize(x, mean, rstd, scale, shift, 0, false, HostBuffer.of(y));
  }

  @Override
  public void batchNormInference(
      BatchNorm p,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer y) {
    for (int c = 0; c < p.channels(); c++) {
      double m = Numbers.get(HostBuffer.of(runningMean), c);
      double r = 1 / Math.sqrt((double) Numbers.get(HostBuffer.of(runningVariance), c) + p.eps());
      normalizeChannel(p, c, HostBuffer.of(x), m, r, gamma, beta, y);
    }
  }

  @Override
  public void batchNormBackward(
      BatchNorm p,
      boolean training,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    for (int c = 0; c < p.channels(); c++) {
      double[] scale = {Numbers.get(HostBuffer.of(gamma), c)};
      double m = Numbers.get(HostBuffer.of(mean), c);
      double r = Numbers.get(HostBuffer.of(rstd), c);
      PatchGradient gradient =
          new PatchGradient(scale, new double[1], false, x, dy, training ? dx : null);
      gradient.run(channel(p, c), 0, m, r);
      if (!training && dx != null) {
        // stored statistics do not depend on x: only the straight path is left
        MemorySegment result = HostBuffer.of(dx);
        for (long at = c; at < p.rows() * p.channels(); at += p.channels()) {
          Numbers.set(result, at, Numbers.get(HostBuffer.of(dy), at) * scale[0] * r);
        }
      }
      if (dGamma != null) {
        Numbers.set(HostBuffer.of(dGamma), c, gradient.dGamma[0]);
      }
      if (dBeta != null) {
        Numbers.set(HostBuffer.of(dBeta), c, gradient.dBeta[0]);
      }
    }
  }
}
