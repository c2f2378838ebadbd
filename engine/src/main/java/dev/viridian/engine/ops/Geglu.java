package dev.viridian.engine.ops;

import dev.viridian.engine.Shape;
import dev.viridian.engine.ShapeException;
import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.memory.Buffer;
import java.util.List;

/** {@code y = x[..., :n] · gelu(x[..., n:])}: x F32 [..., 2n], y [..., n]. */
public record Geglu() implements ComputeOp {
  /** Gates the first half by the second. */
  public static Tensor of(Tensor x) {
    return Tape.apply(new Geglu(), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    TensorSpec x = in.getFirst();
    Expect.f32(name(), "x", x, 1);
    if (x.shape().dim(-1) % 2 != 0) {
      throw new ShapeException("Geglu: x: expected an even last dimension, got " + x);
    }
    return List.of(TensorSpec.f32(x.shape().with(-1, x.shape().dim(-1) / 2)));
  }

  @Override
  public void forward(Forward c) {
    Shape y = c.out(0).shape();
    c.kernels().pointwise().geglu(LastDim.rows(y), y.size(-1), c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      Shape y = c.gradOut(0).shape();
      c.kernels()
          .pointwise()
          .gegluBackward(LastDim.rows(y), y.size(-1), c.input(0), c.gradOutput(0), dx);
    }
  }
}
