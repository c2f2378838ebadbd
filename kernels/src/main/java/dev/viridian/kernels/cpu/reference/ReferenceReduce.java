package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ReduceKernels;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Reductions by plain loops. */
public final class ReferenceReduce implements ReduceKernels {
  @Override
  public void sum(Problem p, float scale, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Reduce.sum");
  }

  @Override
  public void variance(Problem p, int correction, Buffer x, Buffer mean, Buffer y) {
    throw new UnsupportedOperationException("Reduce.variance");
  }

  @Override
  public void norm2(Problem p, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Reduce.norm2");
  }

  @Override
  public void max(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    throw new UnsupportedOperationException("Reduce.max");
  }

  @Override
  public void min(Problem p, Buffer x, Buffer y, @Nullable Buffer index) {
    throw new UnsupportedOperationException("Reduce.min");
  }

  @Override
  public void cumulativeSum(Problem p, boolean reverse, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Reduce.cumulativeSum");
  }

  @Override
  public void cumulativeProduct(Problem p, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Reduce.cumulativeProduct");
  }

  @Override
  public void cumulativeProductBackward(Problem p, Buffer x, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Reduce.cumulativeProductBackward");
  }
}
