package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.Tensors;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.PointwiseKernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y = c ≠ 0 ? a : b}: c I32, a and b F32, all of one shape. */
public record Where() implements ComputeOp {
  /** Chooses element by element; the shapes are repeated to a common one. */
  public static Tensor of(Tensor condition, Tensor a, Tensor b) {
    Shape shape = Shape.broadcast(condition.shape(), Shape.broadcast(a.shape(), b.shape()));
    return Tape.apply(
        new Where(), Expand.of(condition, shape), Expand.of(a, shape), Expand.of(b, shape));
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec a = in.get(1);
    Expect.f32(name(), "a", a);
    Expect.spec(name(), "condition", new TensorSpec(a.shape(), DType.I32), in.get(0));
    Expect.spec(name(), "b", a, in.get(2));
    return List.of(a);
  }

  @Override
  public boolean keepsInput(int i) {
    return i == 0;
  }

  @Override
  public void forward(Forward c) {
    c.kernels()
        .pointwise()
        .where(c.out(0).elements(), c.input(0), c.input(1), c.input(2), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    long n = c.gradOut(0).elements();
    Buffer zeros = Tensors.zeros(c.device(), c.gradOut(0).shape()).buffer(name());
    PointwiseKernels kernels = c.kernels().pointwise();
    Buffer da = c.gradient(1);
    if (da != null) {
      kernels.where(n, c.input(0), c.gradOutput(0), zeros, da);
    }
    Buffer db = c.gradient(2);
    if (db != null) {
      kernels.where(n, c.input(0), zeros, c.gradOutput(0), db);
    }
  }
}
