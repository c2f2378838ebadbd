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
 * {@code −(t · max(ln x, −100) + (1 − t) · max(ln(1 − x), −100))} for each element of x in [0, 1]
 * and targets t; F32 of one shape. {@code dx = dy (x − t) / max(x (1 − x), 1e−12)}; targets have no
 * gradient.
 */
public record BinaryCrossEntropy() implements ComputeOp {
  private static final float LOG_FLOOR = -100;
  private static final float SMALLEST_DIVISOR = 1e-12f;

  /** The loss of every element, reduced. */
  public static Tensor of(Tensor x, Tensor target, Reduction reduction) {
    return reduction.apply(Tape.apply(new BinaryCrossEntropy(), x, target));
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
    Buffer yes = Tensor.empty(c.device(), c.out(0).spec()).buffer(name());
    Buffer no = Tensor.empty(c.device(), c.out(0).spec()).buffer(name());
    flooredLog(k, n, c.input(0), yes);
    Flat.binary(k, Binary.MUL, n, c.input(1), yes, yes);
    k.pointwise().unary(Unary.AFFINE, n, -1, 1, c.input(0), no);
    flooredLog(k, n, no, no);
    Buffer y = c.output(0);
    k.pointwise().unary(Unary.AFFINE, n, -1, 1, c.input(1), y);
    Flat.binary(k, Binary.MUL, n, y, no, no);
    k.pointwise().linearCombination(n, List.of(new Term(-1, yes), new Term(-1, no)), y);
  }

  private static void flooredLog(Kernels k, long n, Buffer x, Buffer y) {
    k.pointwise().unary(Unary.LOG, n, 0, 0, x, y);
    k.pointwise().unary(Unary.CLAMP, n, LOG_FLOOR, Float.POSITIVE_INFINITY, y, y);
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
    Buffer divisor = Tensor.empty(c.device(), c.inSpec(0)).buffer(name());
    k.pointwise().unary(Unary.AFFINE, n, -1, 1, c.input(0), divisor);
    Flat.binary(k, Binary.MUL, n, divisor, c.input(0), divisor);
    k.pointwise()
        .unary(Unary.CLAMP, n, SMALLEST_DIVISOR, Float.POSITIVE_INFINITY, divisor, divisor);
    Flat.binary(k, Binary.SUB, n, c.input(0), c.input(1), dx);
    Flat.binary(k, Binary.DIV, n, dx, divisor, dx);
    Flat.binary(k, Binary.MUL, n, dx, c.gradOutput(0), dx);
  }
}
