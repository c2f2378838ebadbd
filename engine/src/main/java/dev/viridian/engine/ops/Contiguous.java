package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import java.util.List;

/** The same numbers row-major without gaps, in memory of their own. */
public record Contiguous() implements ComputeOp {
  /** The tensor itself if it is contiguous already, else a copy. */
  public static Tensor of(Tensor x) {
    return x.isContiguous() ? x : copyOf(x);
  }

  /** A copy in any case. */
  public static Tensor copyOf(Tensor x) {
    return Tape.apply(new Contiguous(), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> inputs) {
    return List.of(inputs.getFirst());
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
    c.kernels()
        .copy()
        .copy(
            new CopyKernels.Copy(
                x.shape().toList(),
                x.dtype(),
                0,
                x.layout().strideList(),
                x.dtype(),
                0,
                c.out(0).layout().strideList()),
            c.input(0),
            c.output(0));
  }

  @Override
  public void backward(Backward c) {
    c.give(0, c.gradOut(0));
  }
}
