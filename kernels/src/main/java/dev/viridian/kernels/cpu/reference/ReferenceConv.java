package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ConvKernels;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Convolutions by plain loops. */
public final class ReferenceConv implements ConvKernels {
  @Override
  public void forward(ConvProblem p, Buffer x, Buffer weight, @Nullable Buffer bias, Buffer y) {
    throw new UnsupportedOperationException("Conv.forward");
  }

  @Override
  public void backwardData(ConvProblem p, Buffer dy, Buffer weight, Buffer dx) {
    throw new UnsupportedOperationException("Conv.backwardData");
  }

  @Override
  public void backwardFilter(ConvProblem p, Buffer x, Buffer dy, Buffer dw) {
    throw new UnsupportedOperationException("Conv.backwardFilter");
  }
}
