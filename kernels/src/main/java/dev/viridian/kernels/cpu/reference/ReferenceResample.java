package dev.viridian.kernels.cpu.reference;

import dev.viridian.kernels.ResampleKernels;
import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Resizing and pooling by plain loops. */
public final class ReferenceResample implements ResampleKernels {
  @Override
  public void resize(Resize p, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Resample.resize");
  }

  @Override
  public void resizeBackward(Resize p, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Resample.resizeBackward");
  }

  @Override
  public void maxPool(Pool p, Buffer x, Buffer y, @Nullable Buffer index) {
    throw new UnsupportedOperationException("Resample.maxPool");
  }

  @Override
  public void maxPoolBackward(Pool p, Buffer index, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Resample.maxPoolBackward");
  }

  @Override
  public void averagePool(Pool p, boolean countPadding, Buffer x, Buffer y) {
    throw new UnsupportedOperationException("Resample.averagePool");
  }

  @Override
  public void averagePoolBackward(Pool p, boolean countPadding, Buffer dy, Buffer dx) {
    throw new UnsupportedOperationException("Resample.averagePoolBackward");
  }
}
