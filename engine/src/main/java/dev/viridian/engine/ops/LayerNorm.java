package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalisation of x (F32, or 16 bits on some devices) over its last {@code dims} dimensions:
 * {@code y = (x − mean) / √(var + eps) · gamma + beta} with the biased variance. gamma and beta of
 * those dimensions' shape are both there or both absent; F32, F16 or BF16.
 *
 * @param rounded whether y of F32 x is rounded to BF16; without a gradient then
 */
public record LayerNorm(int dims, float eps, boolean rounded) implements ComputeOp {
  /** Without rounding. */
  public LayerNorm(int dims, float eps) {
    this(dims, eps, false);
  }

  /** Normalises over the dimensions that gamma and beta have. */
  public static Tensor of(Tensor x, Tensor gamma, Tensor beta, float eps) {
    return Tape.apply(new LayerNorm(gamma.shape().rank(), eps), x, gamma, beta);
  }

  /** The same of F32, rounded to BF16: for products that round what they read. */
  public static Tensor rounded(Tensor x, Tensor gamma, Tensor beta, float eps) {
    return Tape.apply(new LayerNorm(gamma.shape().rank(), eps, true), x, gamma, beta);
  }

  /** Normalises over the last {@code dims} dimensions, without parameters. */
  public static Tensor of(Tensor x, int dims, float eps) {
    return Tape.apply(new LayerNorm(dims, eps), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.activation(name(), "x", x, Math.max(1, dims));
    Shape normalized = normalized(x.shape());
    if (dims < 1 || normalized.elements() == 0) {
      throw new ShapeException("LayerNorm: x: nothing to normalise over in " + x);
    }
    for (int i = 1; i < in.size(); i++) {
      Expect.parameter(name(), i == 1 ? "gamma" : "beta", normalized, in.get(i));
      Expect.spec(name(), "beta", in.get(1), in.get(i));
    }
    return List.of(NormBuffers.result(name(), x, rounded));
  }

  private Shape normalized(Shape x) {
    return Shape.of(Arrays.copyOfRange(x.sizes(), x.rank() - dims, x.rank()));
  }

  private NormKernels.LayerNorm problem(Shape x, @Nullable TensorSpec gamma) {
    int split = x.rank() - dims;
    return new NormKernels.LayerNorm(
        x.range(0, split),
        Math.toIntExact(x.range(split, x.rank())),
        eps,
        gamma == null ? DType.F32 : gamma.dtype(),
        rounded ? DType.BF16 : DType.F32);
  }

  /** Mean and 1/√(var + eps) of each row. */
  @Override
  public List<TensorSpec> saved(List<TensorSpec> in) {
    Shape x = in.getFirst().shape();
    TensorSpec statistics = TensorSpec.f32(x.range(0, x.rank() - dims));
    return List.of(statistics, statistics);
  }

  @Override
  public boolean keepsInput(int i) {
    return i < 2;
  }

  @Override
  public void forward(Forward c) {
    c.kernels(0)
        .norm()
        .layerNorm(
            problem(c.in(0).shape(), c.inputs() > 1 ? c.in(1).spec() : null), NormBuffers.of(c));
  }

  @Override
  public void backward(Backward c) {
    if (rounded) {
      throw new UnsupportedOperationException("a LayerNorm that is rounded has no gradient");
    }
    c.kernels()
        .norm()
        .layerNormBackward(
            problem(c.inSpec(0).shape(), c.inputs() > 1 ? c.inSpec(1) : null),
            NormBuffers.of(c, null, c.saved(0), c.saved(1)));
  }
}
