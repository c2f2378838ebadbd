package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/** {@code y = x · mask / (1 − p)}; F32 of one shape. */
public final class Dropout {
  private Dropout() {}

  /**
   * Drops what the mask does not keep.
   *
   * @param mask 1 where x is kept, 0 where it is dropped
   * @param p probability of dropping, at least 0 and less than 1
   */
  public static Tensor of(Tensor x, Tensor mask, float p) {
    if (!(p >= 0 && p < 1)) {
      throw new IllegalArgumentException("Dropout: p: expected 0 <= p < 1, got " + p);
    }
    Expect.spec("Dropout", "mask", x.spec(), mask.spec());
    return Affine.of(Mul.of(x, mask), (float) (1.0 / (1.0 - p)), 0);
  }
}
