package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * {@code y = √Σ x²} over dimensions {@code from} to before {@code to}, which stay with size 1; F32.
 * The gradient of a vector of zeros is 0.
 */
public record Norm2(int from, int to) implements ComputeOp {
  /**
   * The Euclidean norm over some dimensions.
   *
   * @param keep whether they stay, of size 1
   * @param dims none means all
   */
  public static Tensor of(Tensor x, boolean keep, int... dims) {
    return Dims.reduce("Norm2", x, false, keep, dims, Norm2::new);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.f32(name(), "x", in.getFirst());
    return List.of(TensorSpec.f32(Dims.ones(in.getFirst().shape(), from, to)));
  }

  @Override
  public boolean keepsOutput(int i) {
    return true;
  }

  @Override
  public void forward(Forward c) {
    c.kernels().reduce().norm2(Dims.problem(c.in(0).shape(), from, to), c.input(0), c.output(0));
  }

  /** dx = dy · x / y, and 0 where y is. */
  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx == null) {
      return;
    }
    ReduceKernels.Problem p = Dims.problem(c.in(0).shape(), from, to);
    Tensor divisor = Tensor.empty(c.device(), c.out(0).spec());
    Buffer notZero = divisor.buffer(name());
    c.kernels()
        .pointwise()
        .unary(
            Unary.CLAMP,
            divisor.elements(),
            Float.MIN_NORMAL,
            Float.POSITIVE_INFINITY,
            c.output(0),
            notZero);
    Flat.binary(c.kernels(), Binary.DIV, p.outer(), p.size(), p.inner(), c.input(0), notZero, dx);
    Flat.binary(c.kernels(), Binary.MUL, p.outer(), p.size(), p.inner(), dx, c.gradOutput(0), dx);
  }
}
