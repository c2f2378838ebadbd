package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PointwiseKernels.Binary;
import dev.viridian.kernels.PointwiseKernels.Term;
import dev.viridian.kernels.PointwiseKernels.Unary;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/**
 * Binary cross-entropy of sigmoid(x) without its overflow: {@code max(x, 0) − x t + log(1 +
 * e^−|x|)} for each element and target t; F32 of one shape. {@code dx = dy (sigmoid(x) − t)};
 * targets have no gradient.
 */
public record BceWithLogits() implements ComputeOp {
  /** The loss of every element, reduced. */
  public static Tensor of(Tensor x, Tensor target, Reduction reduction) {
    return reduction.apply(Tape.apply(new BceWithLogits(), x, target));
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    Expect.f32(name(), "x", in.get(0));
    Expect.spec(name(), "target", in.get(0), in.get(1));
    return List.of(in.get(0));
  }

  @Override
  public void forward(Forward c) {
    long n = c.out(0).elements();
    Kernels k = c.kernels();
    Buffer y = c.output(0);
    Buffer part = Tensor.empty(c.device(), c.out(0).spec()).buffer(name());
    Buffer tail = Tensor.empty(c.device(), c.out(0).spec()).buffer(name());
    k.pointwise().unary(Unary.RELU, n, 0, 0, c.input(0), y);
    Flat.binary(k, Binary.MUL, n, c.input(0), c.input(1), part);
    k.pointwise().unary(Unary.ABS, n, 0, 0, c.input(0), tail);
    k.pointwise().unary(Unary.AFFINE, n, -1, 0, tail, tail);
    k.pointwise().unary(Unary.SOFTPLUS, n, 0, 0, tail, tail);
    k.pointwise()
        .linearCombination(n, List.of(new Term(1, y), new Term(-1, part), new Term(1, tail)), y);
  }

  @Override
  public void backward(Backward c) {
    Expect.noGradient(c, 1, "target");
    Buffer dx = c.gradient(0);
    if (dx == null) {
      return;
    }
    long n = c.gradOut(0).elements();
    Kernels k = c.kernels();
    k.pointwise().unary(Unary.SIGMOID, n, 0, 0, c.input(0), dx);
    Flat.binary(k, Binary.SUB, n, dx, c.input(1), dx);
    Flat.binary(k, Binary.MUL, n, dx, c.gradOutput(0), dx);
  }
}
