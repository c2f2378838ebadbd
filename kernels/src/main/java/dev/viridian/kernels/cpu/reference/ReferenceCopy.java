package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.CopyKernels;
import dev.viridian.kernels.DType;
import dev.viridian.kernels.memory.Buffer;

/** Copies by plain loops. */
public final class ReferenceCopy implements CopyKernels {
  @Override
  public void copy(Copy p, Buffer source, Buffer target) {
    throw new UnsupportedOperationException("Copy.copy");
  }

  @Override
  public void copyAdd(Copy p, Buffer source, Buffer target) {
    throw new UnsupportedOperationException("Copy.copyAdd");
  }

  @Override
  public void fill(DType type, long n, double value, Buffer x) {
    throw new UnsupportedOperationException("Copy.fill");
  }

  @Override
  public void select(Indexed p, DType values, Buffer x, Buffer index, Buffer y) {
    throw new UnsupportedOperationException("Copy.select");
  }

  @Override
  public void selectAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    throw new UnsupportedOperationException("Copy.selectAdd");
  }

  @Override
  public void gather(Indexed p, Buffer x, Buffer index, Buffer y) {
    throw new UnsupportedOperationException("Copy.gather");
  }

  @Override
  public void scatterAdd(Indexed p, Buffer y, Buffer index, Buffer x) {
    throw new UnsupportedOperationException("Copy.scatterAdd");
  }
}
