package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y = exp(x − max) / Σ exp(x − max)} along the last dimension; F32 [..., c]. */
public record Softmax() implements ComputeOp {
  /** Along any dimension; −1 is the last and needs no copy. */
  public static Tensor of(Tensor x, int dim) {
    return LastDim.apply(new Softmax(), x, dim);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.activation(name(), "x", in.getFirst(), 1);
    LastDim.checkSize(name(), in.getFirst());
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
    c.kernels(0).softmax().softmax(LastDim.rows(shape), shape.size(-1), c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.inSpec(0).shape();
      c.kernels()
          .softmax()
          .softmaxBackward(LastDim.rows(shape), shape.size(-1), c.output(0), c.gradOutput(0), dx);
    }
  }
}
