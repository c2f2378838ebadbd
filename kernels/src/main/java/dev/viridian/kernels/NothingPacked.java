package dev.viridian.kernels;

import dev.viridian.kernels.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Of a device that reads weights as they are only. */
final class NothingPacked implements PackedKernels {
  @Override
  public boolean offers(Precision precision) {
    return false;
  }

  private static UnsupportedOperationException refusal(PackedWeight w) {
    return new UnsupportedOperationException("this device has no products of " + w);
  }

  @Override
  public void pack(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    throw refusal(w);
  }

  @Override
  public void packTurned(PackedWeight w, Buffer weight, Buffer packed) {
    throw refusal(w);
  }

  @Override
  public double lost(PackedWeight w, DType type, Buffer weight, Buffer packed) {
    throw refusal(w);
  }

  @Override
  public void product(
      PackedWeight w,
      int rows,
      Buffer x,
      Buffer packed,
      DType biasType,
      @Nullable Buffer bias,
      Buffer y) {
    throw refusal(w);
  }

  @Override
  public void convolve(
      ConvProblem p, PackedWeight w, Buffer x, Buffer packed, @Nullable Buffer bias, Buffer y) {
    throw refusal(w);
  }
}
