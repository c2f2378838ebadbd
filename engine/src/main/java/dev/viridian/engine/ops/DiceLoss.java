package dev.viridian.engine.ops;

import dev.viridian.engine.Tensor;

/**
 * Mean over the batch of {@code 1 − (2 i + eps) / (Σ p + Σ m + eps)} for predictions p and masks m,
 * F32 [n, ...] of one shape, with the intersection i = Σ p m or Σ min(p, m).
 */
public final class DiceLoss {
  /** How much of two maps is common. */
  public enum Intersection {
    /** Σ p m. */
    PRODUCT,
    /** Σ min(p, m). */
    MINIMUM
  }

  private DiceLoss() {}

  /** The loss, of rank 0. */
  public static Tensor of(Tensor p, Tensor m, Intersection intersection, float eps) {
    Expect.f32("DiceLoss", "p", p.spec(), 2);
    Expect.spec("DiceLoss", "m", p.spec(), m.spec());
    Tensor common =
        switch (intersection) {
          case PRODUCT -> Mul.of(p, m);
          case MINIMUM -> Minimum.of(p, m);
        };
    Tensor ratio =
        Div.of(
            Affine.of(perPicture(common), 2, eps),
            Affine.of(Add.of(perPicture(p), perPicture(m)), 1, eps));
    return Mean.of(Affine.of(ratio, -1, 1));
  }

  private static Tensor perPicture(Tensor x) {
    int[] rest = new int[x.shape().rank() - 1];
    for (int i = 0; i < rest.length; i++) {
      rest[i] = i + 1;
    }
    return Sum.of(x, false, rest);
  }
}
