package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y[i] = Σ x[j], j ≤ i} along a dimension (counted from the front); F32. */
public record CumulativeSum(int dim) implements ComputeOp {
  /** Running sums along a dimension. */
  public static Tensor of(Tensor x, int dim) {
    return Tape.apply(new CumulativeSum(x.shape().axis(dim)), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.f32(name(), "x", in.getFirst());
    return List.of(in.getFirst());
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    c.kernels()
        .reduce()
        .cumulativeSum(Dims.problem(c.in(0).shape(), dim, dim + 1), false, c.input(0), c.output(0));
  }

  /** dx[i] = Σ dy[j], j ≥ i. */
  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      c.kernels()
          .reduce()
          .cumulativeSum(
              Dims.problem(c.inSpec(0).shape(), dim, dim + 1), true, c.gradOutput(0), dx);
    }
  }
}
