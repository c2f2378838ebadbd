package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.SoftmaxKernels;
import dev.viridian.kernels.memory.Buffer;

/** Softmax and its kin by plain loops. */
public final class ReferenceSoftmax implements SoftmaxKernels {
  @Override
  public void softmax(long rows, int cols, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Softmax.softmax");
  }

  @Override
  public void softmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Softmax.softmaxBackward");
  }

  @Override
  public void logSoftmax(long rows, int cols, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Softmax.logSoftmax");
  }

  @Override
  public void logSoftmaxBackward(long rows, int cols, Buffer y, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Softmax.logSoftmaxBackward");
  }

  @Override
  public void logSumExp(long rows, int cols, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Softmax.logSumExp");
  }
}
