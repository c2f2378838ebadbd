package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.RandomKernels;
import dev.viridian.kernels.memory.Buffer;

/** Random numbers by plain loops. */
public final class ReferenceRandom implements RandomKernels {
  @Override
  public void uniform(long seed, long offset, long n, Buffer x) {
    throw new UnsupportedOperationException("Random.uniform");
  }

  @Override
  public void normal(long seed, long offset, long n, Buffer x) {
    throw new UnsupportedOperationException("Random.normal");
  }
}
