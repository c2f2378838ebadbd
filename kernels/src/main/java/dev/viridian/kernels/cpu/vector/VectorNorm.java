package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Normalisations by {@link ChannelNorm} and {@link VectorLayerNorm}. */
public final class VectorNorm implements NormKernels {
  private final Workers workers;

  /** Kernels that share the given threads. */
  public VectorNorm(Workers workers) {
    this.workers = workers;
  }

  private static @Nullable MemorySegment segment(@Nullable Buffer b) {
    return b == null ? null : HostBuffer.of(b);
  }

  /**
   * A parameter as floats.
   *
   * @param b n numbers of a floating-point type; null for none
   * @param absent what stands for each where there is none
   */
  public static float[] parameter(@Nullable Buffer b, DType type, int n, float absent) {
    float[] values = new float[n];
    if (b == null) {
      Arrays.fill(values, absent);
    } else {
      FloatRuns.read(HostBuffer.of(b), type, 0, values, 0, n);
    }
    return values;
  }

  private static double[] read(Buffer b, int n) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = Numbers.get(HostBuffer.of(b), i);
    }
    return values;
  }

  private static void store(double[] values, @Nullable Buffer b) {
    if (b != null) {
      for (int i = 0; i < values.length; i++) {
        Numbers.set(HostBuffer.of(b), i, values[i]);
      }
    }
  }

  private static double[] rstd(double[] variance, double eps) {
    return Arrays.stream(variance).map(v -> 1 / Math.sqrt(v + eps)).toArray();
  }

  private ChannelNorm norm(GroupNorm p) {
    return new ChannelNorm(workers, p.n(), p.spatial(), p.channels(), p.groups());
  }

  private ChannelNorm norm(BatchNorm p) {
    return new ChannelNorm(workers, 1, p.rows(), p.channels(), p.channels());
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
    ChannelNorm norm = norm(p);
    ChannelNorm.Statistics statistics = norm.statistics(HostBuffer.of(x));
    double[] rstds = rstd(statistics.variance(), p.eps());
    ChannelRuns.Normal[] normals =
        norm.normals(
            statistics.mean(),
            rstds,
            parameter(gamma, p.parameters(), p.channels(), 1),
            parameter(beta, p.parameters(), p.channels(), 0));
    boolean silu = p.activation() == Activation.SILU;
    norm.normalize(normals, HostBuffer.of(x), silu, HostBuffer.of(y));
    store(statistics.mean(), mean);
    store(rstds, rstd);
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
    ChannelNorm norm = norm(p);
    ChannelRuns.Normal[] normals =
        norm.normals(
            read(mean, p.n() * p.groups()),
            read(rstd, p.n() * p.groups()),
            parameter(gamma, p.parameters(), p.channels(), 1),
            parameter(beta, p.parameters(), p.channels(), 0));
    boolean silu = p.activation() == Activation.SILU;
    backward(norm, normals, true, silu, p.channels(), x, dy, dx, dGamma, dBeta);
  }

  private static void backward(
      ChannelNorm norm,
      ChannelRuns.Normal[] normals,
      boolean dependent,
      boolean silu,
      int channels,
      Buffer x,
      Buffer dy,
      @Nullable Buffer dx,
      @Nullable Buffer dGamma,
      @Nullable Buffer dBeta) {
    double[] gammas = new double[channels];
    double[] betas = new double[channels];
    norm.backward(
        normals, dependent, silu, HostBuffer.of(x), HostBuffer.of(dy), segment(dx), gammas, betas);
    store(gammas, dGamma);
    store(betas, dBeta);
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
    VectorLayerNorm.forward(
        workers,
        p,
        HostBuffer.of(x),
        parameter(gamma, p.parameters(), p.cols(), 1),
        parameter(beta, p.parameters(), p.cols(), 0),
        HostBuffer.of(y),
        segment(mean),
        segment(rstd));
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
    double[] gammas = new double[p.cols()];
    double[] betas = new double[p.cols()];
    VectorLayerNorm.backward(
        workers,
        p,
        HostBuffer.of(x),
        parameter(gamma, p.parameters(), p.cols(), 1),
        HostBuffer.of(mean),
        HostBuffer.of(rstd),
        HostBuffer.of(dy),
        segment(dx),
        gammas,
        betas);
    store(gammas, dGamma);
    store(betas, dBeta);
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
    ChannelNorm norm = norm(p);
    ChannelNorm.Statistics statistics = norm.statistics(HostBuffer.of(x));
    double[] rstds = rstd(statistics.variance(), p.eps());
    store(statistics.mean(), mean);
    store(rstds, rstd);
    double unbiased = (double) p.rows() / (p.rows() - 1);
    move(runningMean, p.momentum(), statistics.mean(), 1);
    move(runningVariance, p.momentum(), statistics.variance(), unbiased);
    normalize(p, norm, x, gamma, beta, statistics.mean(), rstds, y);
  }

  private static void move(Buffer running, double momentum, double[] values, double factor) {
    MemorySegment s = HostBuffer.of(running);
    for (int c = 0; c < values.length; c++) {
      Numbers.set(s, c, (1 - momentum) * Numbers.get(s, c) + momentum * values[c] * factor);
    }
  }

  private static void normalize(
      BatchNorm p,
      ChannelNorm norm,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      double[] mean,
      double[] rstd,
      Buffer y) {
    ChannelRuns.Normal[] normals =
        norm.normals(
            mean,
            rstd,
            parameter(gamma, DType.F32, p.channels(), 1),
            parameter(beta, DType.F32, p.channels(), 0));
    norm.normalize(normals, HostBuffer.of(x), false, HostBuffer.of(y));
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
    double[] rstds = rstd(read(runningVariance, p.channels()), p.eps());
    normalize(p, norm(p), x, gamma, beta, read(runningMean, p.channels()), rstds, y);
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
    ChannelNorm norm = norm(p);
    ChannelRuns.Normal[] normals =
        norm.normals(
            read(mean, p.channels()),
            read(rstd, p.channels()),
            parameter(gamma, DType.F32, p.channels(), 1),
            new float[p.channels()]);
    backward(norm, normals, training, false, p.channels(), x, dy, dx, dGamma, dBeta);
  }

  /** Compares two small normalisations with the plain loops'. */
  public static @Nullable String fault(NormKernels candidate, NormKernels reference) {
    return fault(candidate, reference, 24);
  }

  /** The same with a number of channels, a multiple of 4. */
  public static @Nullable String fault(NormKernels candidate, NormKernels reference, int channels) {
    int values = 30 * channels;
    HostBuffer x = new HostBuffer(SelfTest.numbers(DType.F32, values));
    HostBuffer parameter = new HostBuffer(SelfTest.numbers(DType.F32, values));
    GroupNorm group = new GroupNorm(1, 30, channels, 4, 1e-5f, DType.F32, Activation.SILU);
    LayerNorm layer = new LayerNorm(30, channels, 1e-5f, DType.F32);
    String fault =
        SelfTest.fault(
            values,
            y -> candidate.groupNorm(group, x, parameter, parameter, y, null, null),
            y -> reference.groupNorm(group, x, parameter, parameter, y, null, null));
    return fault != null
        ? fault
        : SelfTest.fault(
            values,
            y -> candidate.layerNorm(layer, x, parameter, parameter, y, null, null),
            y -> reference.layerNorm(layer, x, parameter, parameter, y, null, null));
  }
}
