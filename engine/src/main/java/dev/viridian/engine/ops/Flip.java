package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.ComputeOp;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.engine.autograd.Tape;
import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.memory.Buffer;
import java.util.Arrays;
import java.util.List;

/** Some dimensions in reverse, as a copy. */
public record Flip(List<Integer> dims) implements ComputeOp {
  /** Reverses the given dimensions (−1 is the last). */
  public static Tensor of(Tensor x, int... dims) {
    return Tape.apply(new Flip(Arrays.stream(dims).boxed().toList()), x);
  }

  @Override
  public List<TensorSpec> infer(List<TensorSpec> in) {
    dims.forEach(in.getFirst().shape()::axis);
    return List.of(in.getFirst());
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
    reverse(c.kernels(), c.in(0), c.output(0));
  }

  private void reverse(Kernels kernels, Tensor x, Buffer y) {
    if (x.elements() == 0) {
      return;
    }
    long[] strides = x.layout().strides();
    long offset = 0;
    for (int dim : dims) {
      int axis = x.shape().axis(dim);
      offset += (x.shape().dim(axis) - 1) * strides[axis];
      strides[axis] = -strides[axis];
    }
    kernels
        .copy()
        .copy(
            new CopyKernels.Copy(
                x.shape().toList(),
                x.dtype(),
                offset,
                Arrays.stream(strides).boxed().toList(),
                x.dtype(),
                0,
                Arrays.stream(x.shape().strides()).boxed().toList()),
            x.buffer("Flip"),
            y);
  }

  @Override
  public void backward(Backward c) {
    Buffer dx = c.gradient(0);
    if (dx != null) {
      reverse(c.kernels(), c.gradOut(0), dx);
    }
  }
}
