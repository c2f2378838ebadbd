package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * {@code y[i] = Π x[j], j ≤ i} along a dimension (counted from the front); F32. The gradient is
 * right where values are zero too.
 */
public record CumulativeProduct(int dim) implements ComputeOp {
  /** Running products along a dimension. */
  public static Tensor of(Tensor x, int dim) {
    return Tape.apply(new CumulativeProduct(x.shape().axis(dim)), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.f32(name(), "x", in.getFirst());
    return List.of(in.getFirst());
  }

  @Override
  public void forward(Forward c) {
    c.kernels()
        .reduce()
        .cumulativeProduct(Dims.problem(c.in(0).shape(), dim, dim + 1), c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels()
          .reduce()
          .cumulativeProductBackward(
              Dims.problem(c.in(0).shape(), dim, dim + 1), c.input(0), c.gradOutput(0), dx);
    }
  }
}
