package dev.viridian.engine.ops;

import dev.viridian.engine.ShapeException;
import dev.viridian.engine.TensorSpec;
import dev.viridian.engine.autograd.Backward;
import dev.viridian.engine.autograd.Forward;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.NormKernels;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** What normalisations hand to their kernels: x, gamma and beta are the first inputs of all. */
final class NormBuffers {
  private NormBuffers() {}

  /** The result's specification. */
  static TensorSpec result(String name, TensorSpec x, boolean rounded) {
    if (rounded && x.dtype() != DType.F32) {
      throw new ShapeException(name + ": x: expected F32, which is rounded, got " + x);
    }
    return rounded ? new TensorSpec(x.shape(), DType.BF16) : x;
  }

  /** Of a forward pass; statistics are the first two that are saved, if any are. */
  static NormKernels.Forward of(Forward c) {
    return new NormKernels.Forward(
        c.input(0), c.optionalInput(1), c.optionalInput(2), c.output(0), c.saved(0), c.saved(1));
  }

  /** Of a backward pass. */
  static NormKernels.Backward of(Backward c, @Nullable Buffer beta, Buffer mean, Buffer rstd) {
    return new NormKernels.Backward(
        c.input(0),
        c.optionalInput(1),
        beta,
        mean,
        rstd,
        c.gradOutput(0),
        c.gradient(0),
        c.gradient(1),
        c.gradient(2));
  }
}
