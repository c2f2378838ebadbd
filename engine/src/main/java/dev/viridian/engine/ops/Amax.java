package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * The largest value over dimensions {@code from} to before {@code to}, which stay with size 1; F32.
 * Equal values share the gradient. {@link Max} gives the place too.
 */
public record Amax(int from, int to) implements ComputeOp {
  /**
   * The largest value over some dimensions.
   *
   * @param keep whether they stay, of size 1
   * @param dims none means all
   */
  public static Tensor of(Tensor x, boolean keep, int... dims) {
    return Dims.reduce("Amax", x, false, keep, dims, Amax::new);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.f32(name(), "x", x);
    if (x.shape().range(from, to) == 0) {
      throw new ShapeException("Amax: x: nothing to choose from in " + x);
    }
    return List.of(TensorSpec.f32(Dims.ones(x.shape(), from, to)));
  }

  @Override
  public boolean keepsOutput(int i) {
    return true;
  }

  @Override
  public void forward(Forward c) {
    c.kernels()
        .reduce()
        .max(Dims.problem(c.in(0).shape(), from, to), c.input(0), c.output(0), null);
  }

  /** dx = [x = y] · dy / Σ [x = y]. */
  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx == null) {
      return;
    }
    ReduceKernels.Problem p = Dims.problem(c.in(0).shape(), from, to);
    // ∂ max(x, y) / ∂x is ½ where x = y and 0 where x < y: twice that counts the largest values
    Tensor twos = Tensors.full(c.device(), c.in(0).shape(), 2);
    c.kernels()
        .pointwise()
        .binaryBackwardA(
            Binary.MAXIMUM,
            Flat.repeatedOverMiddle(p.outer(), p.size(), p.inner()),
            c.input(0),
            c.output(0),
            twos.buffer(name()),
            dx);
    Tensor shares = Tensor.empty(c.device(), c.out(0).spec());
    Buffer share = shares.buffer(name());
    c.kernels().reduce().sum(p, 1, dx, share);
    Flat.binary(c.kernels(), Binary.DIV, shares.elements(), c.gradOutput(0), share, share);
    Flat.binary(c.kernels(), Binary.MUL, p.outer(), p.size(), p.inner(), dx, share, dx);
  }
}
