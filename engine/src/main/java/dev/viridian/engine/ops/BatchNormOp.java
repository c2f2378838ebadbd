package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.NormKernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the two batch normalisations have in common: inputs x, gamma, beta and running values. */
interface BatchNormOp extends ComputeOp {
  /** Added to the variance. */
  float eps();

  /** Applies the op, with ones and zeros for absent parameters. */
  static Tensor apply(
      BatchNormOp op,
      Tensor x,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor runningMean,
      Tensor runningVariance) {
    Expect.activation(op.name(), "x", x.spec(), 2);
    Shape channels = Shape.of(x.shape().dim(-1));
    return Tape.apply(
        op,
        x,
        gamma == null ? Tensors.full(x.device(), channels, 1) : gamma,
        beta == null ? Tensors.zeros(x.device(), channels) : beta,
        runningMean,
        runningVariance);
  }

  @Override
  default List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.activation(name(), "x", x, 2);
    if (x.shape().elements() == 0) {
      throw new ShapeException(name() + ": x: no elements in " + x);
    }
    String[] names = {"x", "gamma", "beta", "running mean", "running variance"};
    TensorSpec parameter = TensorSpec.f32(x.shape().dim(-1));
    for (int i = 1; i < names.length; i++) {
      Expect.spec(name(), names[i], parameter, in.get(i));
    }
    return List.of(x);
  }

  /** The problem; momentum matters only for training. */
  default NormKernels.BatchNorm problem(Shape x, float momentum) {
    return new NormKernels.BatchNorm(LastDim.rows(x), x.size(-1), eps(), momentum);
  }
}
