package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.engine.memory.MemoryScope;
import dev.viridian.kernels.Activation;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Group normalisation of channels-last x [n, ..., c] (F32, or 16 bits on some devices): {@code y =
 * act((x − mean) / √(var + eps) · gamma + beta)} with mean and (biased) variance over each group of
 * consecutive channels and all positions. gamma and beta [c] are both there or both absent; F32,
 * F16 or BF16.
 *
 * @param activation NONE, or SILU fused
 * @param rounded whether y of F32 x is rounded to BF16; without a gradient then
 */
public record GroupNorm(int groups, float eps, Activation activation, boolean rounded)
    implements ComputeOp {
  /** Without rounding. */
  public GroupNorm(int groups, float eps, Activation activation) {
    this(groups, eps, activation, false);
  }

  /** Normalises. */
  public static Tensor of(
      Tensor x, @Nullable Tensor gamma, @Nullable Tensor beta, int groups, float eps) {
    return of(x, gamma, beta, groups, eps, Activation.NONE);
  }

  /** Normalises, then applies an activation in the same pass. */
  public static Tensor of(
      Tensor x,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      int groups,
      float eps,
      Activation activation) {
    GroupNorm op = new GroupNorm(groups, eps, activation);
    return gamma == null || beta == null ? Tape.apply(op, x) : Tape.apply(op, x, gamma, beta);
  }

  /** The same of F32, rounded to BF16: for products that round what they read. */
  public static Tensor rounded(
      Tensor x, Tensor gamma, Tensor beta, int groups, float eps, Activation activation) {
    return Tape.apply(new GroupNorm(groups, eps, activation, true), x, gamma, beta);
  }

  /**
   * Mean and reciprocal of the deviation, {@code 1 / √(var + eps)}, of each group of one map. Not
   * recorded.
   *
   * @param x [1, ..., c], contiguous
   */
  @SuppressWarnings("try") // the scope closes what is made
  public static float[][] statistics(Tensor x, int groups, float eps) {
    GroupNorm op = new GroupNorm(groups, eps, Activation.NONE);
    List<TensorSpec> in = List.of(x.spec());
    op.infer(in);
    if (x.size(0) != 1 || !x.isContiguous()) {
      throw new ShapeException("GroupNorm: statistics: expected one map [1, ..., c], got " + x);
    }
    try (MemoryScope scope = MemoryScope.open()) {
      Tensor mean = Tensor.empty(x.device(), TensorSpec.f32(groups));
      Tensor rstd = Tensor.empty(x.device(), TensorSpec.f32(groups));
      Tensor y = Tensor.empty(x.device(), x.spec());
      x.device()
          .kernels()
          .of(x.dtype())
          .norm()
          .groupNorm(
              op.problem(in),
              new NormKernels.Forward(
                  x.buffer(), null, null, y.buffer(), mean.buffer(), rstd.buffer()));
      return new float[][] {mean.toFloats(), rstd.toFloats()};
    }
  }

  private NormKernels.GroupNorm problem(List<TensorSpec> in) {
    Shape x = in.getFirst().shape();
    return new NormKernels.GroupNorm(
        x.size(0),
        Math.toIntExact(x.range(1, x.rank() - 1)),
        x.size(-1),
        groups,
        eps,
        in.size() > 1 ? in.get(1).dtype() : DType.F32,
        activation,
        rounded ? DType.BF16 : DType.F32);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    if (!x.dtype().isFloat() || x.shape().rank() < 2) {
      throw new ShapeException("GroupNorm: x: expected F32 [n, ..., c], got " + x);
    }
    long channels = x.shape().dim(-1);
    if (groups < 1 || channels % groups != 0) {
      throw new ShapeException(
          "GroupNorm: " + groups + " groups do not divide the channels of " + x);
    }
    for (int i = 1; i < in.size(); i++) {
      TensorSpec p = in.get(i);
      if (!p.dtype().isFloat()
          || p.dtype() != in.get(1).dtype()
          || !p.shape().equals(Shape.of(channels))) {
        throw new ShapeException(
            "GroupNorm: "
                + (i == 1 ? "gamma" : "beta")
                + ": expected ["
                + channels
                + "], got "
                + p);
      }
    }
    return List.of(NormBuffers.result(name(), x, rounded));
  }

  @Override
  public List<TensorSpec> saved(List<TensorSpec> in) {
    TensorSpec statistics = TensorSpec.f32(in.getFirst().shape().dim(0), groups);
    return List.of(statistics, statistics);
  }

  @Override
  public void forward(Forward c) {
    if (c.in(0).elements() == 0) {
      return;
    }
    c.kernels(0).norm().groupNorm(problem(specs(c)), NormBuffers.of(c));
  }

  private static List<TensorSpec> specs(Forward c) {
    return c.inputs() == 1
        ? List.of(c.in(0).spec())
        : List.of(c.in(0).spec(), c.in(1).spec(), c.in(2).spec());
  }

  @Override
  public void backward(Backward c) {
    if (rounded) {
      throw new UnsupportedOperationException("a GroupNorm that is rounded has no gradient");
    }
    List<TensorSpec> specs =
        c.inputs() == 1 ? List.of(c.inSpec(0)) : List.of(c.inSpec(0), c.inSpec(1), c.inSpec(2));
    c.kernels()
        .norm()
        .groupNormBackward(
            problem(specs), NormBuffers.of(c, c.optionalInput(2), c.saved(0), c.saved(1)));
  }
}
