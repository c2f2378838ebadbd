package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y = x − log Σ exp(x)} along the last dimension; F32 [..., c]. */
public record LogSoftmax() implements ComputeOp {
  /** Along any dimension; −1 is the last and needs no copy. */
  public static Tensor of(Tensor x, int dim) {
    return LastDim.apply(new LogSoftmax(), x, dim);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    LastDim.check(name(), in.getFirst());
    return List.of(in.getFirst());
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public boolean keepsOutput(int i) {
    return true;
  }

  @Override
  public void forward(Forward c) {
    Shape shape = c.in(0).shape();
    c.kernels().softmax().logSoftmax(LastDim.rows(shape), shape.size(-1), c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      c.kernels()
          .softmax()
          .logSoftmaxBackward(
              LastDim.rows(shape), shape.size(-1), c.output(0), c.gradOutput(0), dx);
    }
  }
}
