package dev.viridian.engine.nn;

import dev.viridian.engine.Device;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.engine.ops.BatchNormInference;
import dev.viridian.engine.ops.Cast;
import dev.viridian.engine.ops.Silu;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import java.util.function.IntToDoubleFunction;

/** Group normalisation with {@code weight} and {@code bias} [channels]. */
public final class GroupNorm extends Module {
  private final Parameter weight;
  private final Parameter bias;
  private final int groups;
  private final float eps;

  /** Over {@code groups} groups of {@code channels}. */
  public GroupNorm(int groups, int channels, float eps) {
    this.groups = groups;
    this.eps = eps;
    weight = parameter("weight", channels);
    bias = parameter("bias", channels);
  }

  /** x [n, ..., channels], normalised. */
  public Tensor forward(Tensor x) {
    return forward(x, Activation.NONE);
  }

  /** x [n, ..., channels], normalised, with an activation in the same pass. */
  public Tensor forward(Tensor x, Activation activation) {
    return dev.viridian.engine.ops.GroupNorm.of(
        x, weight.value(), bias.value(), groups, eps, activation);
  }

  /**
   * The same.
   *
   * @param rounded whether it may be rounded to BF16, where the device does that in good time
   */
  public Tensor forward(Tensor x, Activation activation, boolean rounded) {
    return rounded && x.device().kernels().norm().rounds(x.size(-1))
        ? dev.viridian.engine.ops.GroupNorm.rounded(
            x, weight.value(), bias.value(), groups, eps, activation)
        : forward(x, activation);
  }

  /** Statistics of a map that comes in parts; none were added yet. */
  public Statistics statistics() {
    return new Statistics(groups, eps);
  }

  /** A part of one map [1, ..., channels], normalised by the statistics of all of it. */
  public Tensor forward(Tensor part, Statistics statistics, Activation activation) {
    try (MemoryScope scope = MemoryScope.open()) {
      int channels = part.size(-1);
      Tensor mean = statistics.mean(part.device(), channels);
      Tensor variance = statistics.variance(part.device(), channels);
      Tensor scale = Cast.of(weight.value(), DType.F32);
      Tensor shift = Cast.of(bias.value(), DType.F32);
      Tensor y = BatchNormInference.of(part, scale, shift, mean, variance, eps);
      return scope.keep(activation == Activation.SILU ? Silu.of(y) : y);
    }
  }

  /** Mean and variance of each group over the parts of one map, gathered in double precision. */
  public static final class Statistics {
    private final float eps;
    private final double[] means;
    private final double[] squares;
    private double count;

    private Statistics(int groups, float eps) {
      this.eps = eps;
      means = new double[groups];
      squares = new double[groups];
    }

    /** One more part [1, ..., channels]. */
    public void add(Tensor part) {
      float[][] of = dev.viridian.engine.ops.GroupNorm.statistics(part, means.length, eps);
      double more = (double) part.elements() / means.length;
      for (int g = 0; g < means.length; g++) {
        double rstd = of[1][g];
        double difference = of[0][g] - means[g];
        squares[g] +=
            more * Math.max(0, 1 / (rstd * rstd) - eps)
                + difference * difference * count * more / (count + more);
        means[g] += difference * more / (count + more);
      }
      count += more;
    }

    private Tensor mean(Device device, int channels) {
      return each(device, channels, g -> means[g]);
    }

    private Tensor variance(Device device, int channels) {
      return each(device, channels, g -> squares[g] / count);
    }

    private Tensor each(Device device, int channels, IntToDoubleFunction value) {
      float[] values = new float[channels];
      for (int c = 0; c < channels; c++) {
        values[c] = (float) value.applyAsDouble(c / (channels / means.length));
      }
      return Tensors.of(device, values, channels);
    }
  }
}
