package dev.viridian.engine.ops;

import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.PointwiseKernels.Unary;
import java.util.List;

/** What the functions of one value have in common: {@code y = f(x)}, {@code dx = dy · f′(x)}. */
interface UnaryOp extends ComputeOp {
  /** The function. */
  Unary function();

  /** Its first parameter. */
  default float p0() {
    return 0;
  }

  /** Its second parameter. */
  default float p1() {
    return 0;
  }

  @Override
  default List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.activation(name(), "x", in.getFirst());
    return List.of(in.getFirst());
  }

  @Override
  default boolean keepsInput(int i) {
    return function() != Unary.AFFINE;
  }

  @Override
  default void forward(Forward c) {
    c.kernels(0)
        .pointwise()
        .unary(function(), c.in(0).elements(), p0(), p1(), c.input(0), c.output(0));
  }

  @Override
  default void backward(Backward c) {
    // the derivative of a straight line does not look at x
    var x = keepsInput(0) ? c.input(0) : c.gradOutput(0);
    var dx = c.gradient(0);
    if (dx != null) {
      c.kernels()
          .pointwise()
          .unaryBackward(function(), c.gradOut(0).elements(), p0(), p1(), x, c.gradOutput(0), dx);
    }
  }
}
