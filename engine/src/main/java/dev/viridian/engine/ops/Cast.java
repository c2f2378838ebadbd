package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import java.util.List;

/**
 * The same numbers in another type, rounded to nearest even where it is narrower. The gradient
 * passes unchanged.
 *
 * @param to the type wanted
 */
public record Cast(DType to) implements ComputeOp {
  /** x in the type wanted; x itself if it has it. */
  public static Tensor of(Tensor x, DType to) {
    return x.dtype() == to ? x : Tape.apply(new Cast(to), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> inputs) {
    return List.of(new TensorSpec(inputs.getFirst().shape(), to));
  }

  @Override
  public boolean readsStrides(int i) {
    return true;
  }

  @Override
  public boolean keepsInput(int i) {
    return false;
  }

  @Override
  public void forward(Forward c) {
    Tensor x = c.in(0);
    CopyKernels.Copy copy =
        new CopyKernels.Copy(
            x.shape().toList(),
            x.dtype(),
            0,
            x.layout().strideList(),
            to,
            0,
            c.out(0).layout().strideList());
    c.kernels().copy().copy(copy, c.input(0), c.output(0));
  }

  @Override
  public void backward(Backward c) {
    c.give(0, c.gradOut(0));
  }
}
