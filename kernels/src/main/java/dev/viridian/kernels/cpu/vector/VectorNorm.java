package dev.viridian.kernels.cpu.vector;

import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.Selective;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Normalisations by {@link ChannelNorm} and {@link VectorLayerNorm}. */
public final class VectorNorm implements NormKernels, Selective {
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

  private static double[] rstd(double[] variance, double eps) {
    return Arrays.stream(variance).map(v -> 1 / Math.sqrt(v + eps)).toArray();
  }

  private ChannelNorm norm(GroupNorm p) {
    return new ChannelNorm(workers, p.n(), p.spatial(), p.channels(), p.groups());
  }

  private ChannelNorm norm(BatchNorm p) {
    return new ChannelNorm(workers, 1, p.rows(), p.channels(), p.channels());
  }

  private static ChannelRuns.Normal[] normals(
      ChannelNorm norm,
      int channels,
      DType type,
      double[] mean,
      double[] rstd,
      @Nullable Buffer gamma,
      @Nullable Buffer beta) {
    return norm.normals(
        mean, rstd, parameter(gamma, type, channels, 1), parameter(beta, type, channels, 0));
  }

  /** All but results that are rounded. */
  @Override
  public boolean accepts(String operation, Object problem) {
    return !(problem instanceof GroupNorm g && g.y() != DType.F32)
        && !(problem instanceof LayerNorm l && l.y() != DType.F32);
  }

  @Override
  public void groupNorm(GroupNorm p, Forward b) {
    ChannelNorm norm = norm(p);
    ChannelNorm.Statistics statistics = norm.statistics(HostBuffer.of(b.x()));
    double[] rstds = rstd(statistics.variance(), p.eps());
    ChannelRuns.Normal[] normals =
        normals(norm, p.channels(), p.parameters(), statistics.mean(), rstds, b.gamma(), b.beta());
    boolean silu = p.activation() == Activation.SILU;
    norm.normalize(normals, HostBuffer.of(b.x()), silu, HostBuffer.of(b.y()));
    Numbers.store(statistics.mean(), b.mean());
    Numbers.store(rstds, b.rstd());
  }

  @Override
  public void groupNormBackward(GroupNorm p, Backward b) {
    ChannelNorm norm = norm(p);
    int patches = p.n() * p.groups();
    ChannelRuns.Normal[] normals =
        normals(
            norm,
            p.channels(),
            p.parameters(),
            read(b.mean(), patches),
            read(b.rstd(), patches),
            b.gamma(),
            b.beta());
    backward(norm, normals, true, p.activation() == Activation.SILU, p.channels(), b);
  }

  private static void backward(
      ChannelNorm norm,
      ChannelRuns.Normal[] normals,
      boolean dependent,
      boolean silu,
      int channels,
      Backward b) {
    double[] gammas = new double[channels];
    double[] betas = new double[channels];
    norm.backward(
        normals,
        dependent,
        silu,
        HostBuffer.of(b.x()),
        HostBuffer.of(b.dy()),
        segment(b.dx()),
        gammas,
        betas);
    Numbers.store(gammas, b.dGamma());
    Numbers.store(betas, b.dBeta());
  }

  @Override
  public void layerNorm(LayerNorm p, Forward b) {
    VectorLayerNorm.forward(
        workers,
        p,
        HostBuffer.of(b.x()),
        parameter(b.gamma(), p.parameters(), p.cols(), 1),
        parameter(b.beta(), p.parameters(), p.cols(), 0),
        HostBuffer.of(b.y()),
        segment(b.mean()),
        segment(b.rstd()));
  }

  @Override
  public void layerNormBackward(LayerNorm p, Backward b) {
    double[] gammas = new double[p.cols()];
    double[] betas = new double[p.cols()];
    VectorLayerNorm.backward(
        workers,
        p,
        HostBuffer.of(b.x()),
        parameter(b.gamma(), p.parameters(), p.cols(), 1),
        HostBuffer.of(b.mean()),
        HostBuffer.of(b.rstd()),
        HostBuffer.of(b.dy()),
        segment(b.dx()),
        gammas,
        betas);
    Numbers.store(gammas, b.dGamma());
    Numbers.store(betas, b.dBeta());
  }

  @Override
  public void batchNormTraining(BatchNorm p, Forward b, Running running) {
    p.requireVariance();
    ChannelNorm norm = norm(p);
    ChannelNorm.Statistics statistics = norm.statistics(HostBuffer.of(b.x()));
    double[] rstds = rstd(statistics.variance(), p.eps());
    Numbers.store(statistics.mean(), b.mean());
    Numbers.store(rstds, b.rstd());
    double unbiased = (double) p.rows() / (p.rows() - 1);
    move(running.mean(), p.momentum(), statistics.mean(), 1);
    move(running.variance(), p.momentum(), statistics.variance(), unbiased);
    normalize(p, norm, statistics.mean(), rstds, b);
  }

  private static void move(Buffer running, double momentum, double[] values, double factor) {
    MemorySegment s = HostBuffer.of(running);
    for (int c = 0; c < values.length; c++) {
      Numbers.set(s, c, (1 - momentum) * Numbers.get(s, c) + momentum * values[c] * factor);
    }
  }

  private static void normalize(
      BatchNorm p, ChannelNorm norm, double[] mean, double[] rstd, Forward b) {
    ChannelRuns.Normal[] normals =
        normals(norm, p.channels(), DType.F32, mean, rstd, b.gamma(), b.beta());
    norm.normalize(normals, HostBuffer.of(b.x()), false, HostBuffer.of(b.y()));
  }

  @Override
  public void batchNormInference(BatchNorm p, Forward b, Running stored) {
    double[] rstds = rstd(read(stored.variance(), p.channels()), p.eps());
    normalize(p, norm(p), read(stored.mean(), p.channels()), rstds, b);
  }

  @Override
  public void batchNormBackward(BatchNorm p, boolean training, Backward b) {
    ChannelNorm norm = norm(p);
    int channels = p.channels();
    ChannelRuns.Normal[] normals =
        normals(
            norm,
            channels,
            DType.F32,
            read(b.mean(), channels),
            read(b.rstd(), channels),
            b.gamma(),
            null);
    backward(norm, normals, training, false, channels, b);
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
            y -> candidate.groupNorm(group, new Forward(x, parameter, parameter, y)),
            y -> reference.groupNorm(group, new Forward(x, parameter, parameter, y)));
    return fault != null
        ? fault
        : SelfTest.fault(
            values,
            y -> candidate.layerNorm(layer, new Forward(x, parameter, parameter, y)),
            y -> reference.layerNorm(layer, new Forward(x, parameter, parameter, y)));
  }
}
