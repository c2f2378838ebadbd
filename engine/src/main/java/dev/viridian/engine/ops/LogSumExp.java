package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y = log Σ exp(x)} along the last dimension, which stays with size 1; F32 [..., c]. */
public record LogSumExp() implements ComputeOp {
  /**
   * Along any dimension.
   *
   * @param keep whether it stays, of size 1
   */
  public static Tensor of(Tensor x, int dim, boolean keep) {
    return Dims.reduce("LogSumExp", x, true, keep, new int[] {dim}, (a, b) -> new LogSumExp());
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    LastDim.check(name(), in.getFirst());
    return List.of(TensorSpec.f32(in.getFirst().shape().with(-1, 1)));
  }

  @Override
  public void forward(Forward c) {
    Shape shape = c.in(0).shape();
    c.kernels().softmax().logSumExp(LastDim.rows(shape), shape.size(-1), c.input(0), c.output(0));
  }

  /** dx = dy · softmax(x). */
  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape shape = c.in(0).shape();
      long rows = LastDim.rows(shape);
      c.kernels().softmax().softmax(rows, shape.size(-1), c.input(0), dx);
      Flat.binary(c.kernels(), Binary.MUL, rows, shape.size(-1), 1, dx, c.gradOutput(0), dx);
    }
  }
}
